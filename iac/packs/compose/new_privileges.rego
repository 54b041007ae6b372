# METADATA
# title: A service may gain privileges
# description: a setuid program inside gives it more rights than it was started with
# custom:
#   severity: low
#   cwe: [CWE-269]
#   references: ["CIS Docker 1.6 5.26"]
#   fix: >-
#     add no-new-privileges:true to security_opt
package fairlead.compose.new_privileges

import data.lib.compose

deny contains {"at": array.concat(s.at, ["security_opt"]), "resource": s.resource, "message": sprintf("%s may gain privileges", [s.name])} if {
	some s in compose.services
	not guarded(s)
}

guarded(s) if {
	some option in s.spec.security_opt
	regex.match(`^no-new-privileges([:=]true)?$`, option)
}
