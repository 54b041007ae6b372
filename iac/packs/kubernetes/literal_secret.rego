# METADATA
# title: A Secret is in the repository
# description: "base64 is no encryption: everybody who reads the repository has it"
# custom:
#   severity: high
#   cwe: [CWE-798]
#   references: ["CIS Kubernetes 1.8 5.4.2"]
#   fix: >-
#     make it in the cluster, or keep it sealed: SealedSecret, ExternalSecret, SOPS
package fairlead.kubernetes.literal_secret

import data.lib.kubernetes

deny contains {"at": ["docs", i, field, key], "resource": kubernetes.resource(doc), "message": sprintf("the Secret has a value for %s", [key])} if {
	some i, doc in input.docs
	doc.kind == "Secret"
	not doc.sops
	some field in ["data", "stringData"]
	some key, value in doc[field]
	is_string(value)
	count(value) > 0
	not regex.match(`^\$|\{\{|^<.*>$|^ENC\[`, value)
}
