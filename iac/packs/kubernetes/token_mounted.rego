# METADATA
# title: A pod gets a token of the API server
# description: whoever gets in can speak to the API server as the pod's service account
# custom:
#   severity: low
#   cwe: [CWE-522]
#   references: ["CIS Kubernetes 1.8 5.1.6"]
#   fix: >-
#     set automountServiceAccountToken to false in pods that do not speak to the API server
package fairlead.kubernetes.token_mounted

import data.lib.kubernetes

deny contains {"at": array.concat(pod.at, ["automountServiceAccountToken"]), "resource": pod.resource, "message": "the token of the service account is mounted"} if {
	some pod in kubernetes.pods
	not pod.spec.automountServiceAccountToken == false
	not by_account(pod)
}

# A service account in the same file may say it for the pod.
by_account(pod) if {
	pod.spec.serviceAccountName in withholding
	not pod.spec.automountServiceAccountToken == true
}

withholding contains account.metadata.name if {
	some account in input.docs
	account.kind == "ServiceAccount"
	account.automountServiceAccountToken == false
}
