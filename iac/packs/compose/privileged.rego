# METADATA
# title: A service is privileged
# description: it has every capability and every device of the host
# custom:
#   severity: critical
#   cwe: [CWE-250]
#   references: ["CIS Docker 1.6 5.5"]
#   fix: >-
#     drop privileged, and add the one capability or device that is needed
package fairlead.compose.privileged

import data.lib.compose

deny contains {"at": array.concat(s.at, ["privileged"]), "resource": s.resource, "message": sprintf("%s is privileged", [s.name])} if {
	some s in compose.services
	s.spec.privileged == true
}
