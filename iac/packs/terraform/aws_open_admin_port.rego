# METADATA
# title: SSH or RDP is open to everybody
# description: the whole world tries passwords and exploits on it
# custom:
#   severity: high
#   cwe: [CWE-284]
#   references: ["CIS AWS 3.0 5.2", "CIS AWS 3.0 5.3"]
#   fix: >-
#     allow the addresses that need it, or use Session Manager
package fairlead.terraform.aws_open_admin_port

import data.lib.terraform

deny contains {"at": rule.at, "resource": rule.address, "message": sprintf("port %d is open to everybody", [port])} if {
	some rule in terraform.ingress
	terraform.open(rule)
	not terraform.whole(rule)
	some port in [22, 3389]
	terraform.covers(rule, port)
}
