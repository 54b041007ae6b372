# METADATA
# title: A credential stands in the manifest
# description: everybody who reads the repository has it
# custom:
#   severity: high
#   cwe: [CWE-798]
#   references: ["CIS Kubernetes 1.8 5.4.1"]
#   fix: >-
#     keep it in a Secret that is not in the repository, and refer to it
package fairlead.kubernetes.literal_credential

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["env", i, "value"]), "resource": c.resource, "message": sprintf("container %s has the value of %s in the manifest", [c.name, v.name])} if {
	some c in kubernetes.containers
	some i, v in c.spec.env
	regex.match(`(?i)(^|_)(passw(or)?d|passphrase|secret|token|api_?key|access_?key|secret_?key|private_?key)$`, v.name)
	is_string(v.value)
	count(v.value) > 3
	not regex.match(`(?i)\$\(|\$\{|\{\{|^(/|<.*>$|change_?me|example|none|null|true|false|your[_-])`, v.value)
}
