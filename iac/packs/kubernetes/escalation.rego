# METADATA
# title: A container may gain privileges
# description: a setuid program inside gives it more rights than it was started with
# custom:
#   severity: high
#   cwe: [CWE-269]
#   references: ["CIS Kubernetes 1.8 5.2.6"]
#   fix: >-
#     set securityContext.allowPrivilegeEscalation to false
package fairlead.kubernetes.escalation

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["securityContext", "allowPrivilegeEscalation"]), "resource": c.resource, "message": sprintf("container %s may gain privileges", [c.name])} if {
	some c in kubernetes.containers
	not kubernetes.windows(c.pod)
	not c.spec.securityContext.allowPrivilegeEscalation == false
}
