# METADATA
# title: A container sees all of /proc
# description: what is hidden there by default tells about the node, and some of it changes the node
# custom:
#   severity: high
#   cwe: [CWE-668]
#   fix: >-
#     drop securityContext.procMount
package fairlead.kubernetes.unmasked_proc

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["securityContext", "procMount"]), "resource": c.resource, "message": sprintf("container %s sees all of /proc", [c.name])} if {
	some c in kubernetes.containers
	c.spec.securityContext.procMount == "Unmasked"
}
