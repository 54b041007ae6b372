# METADATA
# title: A workload goes into the default namespace
# description: "there is no boundary to what others put there: roles, quotas and network policies apply to all of it"
# custom:
#   severity: low
#   cwe: [CWE-653]
#   references: ["CIS Kubernetes 1.8 5.7.4"]
#   fix: >-
#     name a namespace of its own
package fairlead.kubernetes.default_namespace

import data.lib.kubernetes

deny contains {"at": ["docs", pod.doc, "metadata", "namespace"], "resource": pod.resource, "message": "the namespace is default"} if {
	some pod in kubernetes.pods
	input.docs[pod.doc].metadata.namespace == "default"
}
