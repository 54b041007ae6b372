# METADATA
# title: A container has capabilities beyond the default
# description: many of them, such as SYS_ADMIN, are as good as root on the node
# custom:
#   severity: high
#   cwe: [CWE-250]
#   references: ["CIS Kubernetes 1.8 5.2.9"]
#   fix: >-
#     drop capabilities.add; NET_BIND_SERVICE is the one that is rarely dangerous
package fairlead.kubernetes.added_capabilities

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["securityContext", "capabilities", "add", i]), "resource": c.resource, "message": sprintf("container %s adds the capability %s", [c.name, capability])} if {
	some c in kubernetes.containers
	some i, capability in c.spec.securityContext.capabilities.add
	capability != "NET_BIND_SERVICE"
}
