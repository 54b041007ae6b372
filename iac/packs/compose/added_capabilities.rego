# METADATA
# title: A service has capabilities beyond the default
# description: many of them, such as SYS_ADMIN, are as good as root on the host
# custom:
#   severity: high
#   cwe: [CWE-250]
#   references: ["CIS Docker 1.6 5.4"]
#   fix: >-
#     drop cap_add; NET_BIND_SERVICE is the one that is rarely dangerous
package fairlead.compose.added_capabilities

import data.lib.compose

deny contains {"at": array.concat(s.at, ["cap_add", i]), "resource": s.resource, "message": sprintf("%s adds the capability %s", [s.name, capability])} if {
	some s in compose.services
	some i, capability in s.spec.cap_add
	capability != "NET_BIND_SERVICE"
}
