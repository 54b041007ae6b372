# METADATA
# title: A container is privileged
# description: "it has every capability and every device of the node: breaking out takes one command"
# custom:
#   severity: critical
#   cwe: [CWE-250]
#   references: ["CIS Kubernetes 1.8 5.2.2"]
#   fix: >-
#     drop securityContext.privileged, and add the one capability that is needed
package fairlead.kubernetes.privileged

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["securityContext", "privileged"]), "resource": c.resource, "message": sprintf("container %s is privileged", [c.name])} if {
	some c in kubernetes.containers
	c.spec.securityContext.privileged == true
}
