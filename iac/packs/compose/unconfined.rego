# METADATA
# title: A service has no filter of system calls
# description: seccomp and AppArmor are switched off, which guard the kernel from the container
# custom:
#   severity: high
#   cwe: [CWE-693]
#   references: ["CIS Docker 1.6 5.22"]
#   fix: >-
#     drop seccomp and apparmor unconfined
package fairlead.compose.unconfined

import data.lib.compose

deny contains {"at": array.concat(s.at, ["security_opt", i]), "resource": s.resource, "message": sprintf("%s has %s", [s.name, option])} if {
	some s in compose.services
	some i, option in s.spec.security_opt
	regex.match(`^(seccomp|apparmor|label)[:=](unconfined|disable)$`, option)
}
