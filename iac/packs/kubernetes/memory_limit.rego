# METADATA
# title: A container may take all memory of the node
# description: one leak, or one attacker, takes down everything beside it
# custom:
#   severity: medium
#   cwe: [CWE-770]
#   fix: >-
#     set resources.limits.memory
package fairlead.kubernetes.memory_limit

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["resources", "limits"]), "resource": c.resource, "message": sprintf("container %s has no limit of memory", [c.name])} if {
	some c in kubernetes.containers
	c.field != "ephemeralContainers"
	not c.spec.resources.limits.memory
}
