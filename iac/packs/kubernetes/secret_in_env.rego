# METADATA
# title: A secret is given in a variable
# description: variables show in crash reports and child processes, and do not change when the secret does
# custom:
#   severity: low
#   cwe: [CWE-526]
#   references: ["CIS Kubernetes 1.8 5.4.1"]
#   fix: >-
#     mount the secret as a file
package fairlead.kubernetes.secret_in_env

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["env", i, "valueFrom", "secretKeyRef"]), "resource": c.resource, "message": sprintf("container %s has a secret in %v", [c.name, v.name])} if {
	some c in kubernetes.containers
	some i, v in c.spec.env
	v.valueFrom.secretKeyRef
}

deny contains {"at": array.concat(c.at, ["envFrom", i, "secretRef"]), "resource": c.resource, "message": sprintf("container %s has a secret's values as variables", [c.name])} if {
	some c in kubernetes.containers
	some i, v in c.spec.envFrom
	v.secretRef
}
