# METADATA
# title: A service may take all memory of the host
# description: one leak, or one attacker, takes down everything beside it
# custom:
#   severity: low
#   cwe: [CWE-770]
#   references: ["CIS Docker 1.6 5.11"]
#   fix: >-
#     set deploy.resources.limits.memory or mem_limit
package fairlead.compose.memory_limit

import data.lib.compose

deny contains {"at": s.at, "resource": s.resource, "message": sprintf("%s has no limit of memory", [s.name])} if {
	some s in compose.services
	not s.spec.mem_limit
	not s.spec.deploy.resources.limits.memory
}
