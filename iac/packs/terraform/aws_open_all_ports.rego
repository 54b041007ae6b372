# METADATA
# title: Every port is open to everybody
# description: whatever listens is reached, databases and debug servers too
# custom:
#   severity: high
#   cwe: [CWE-284]
#   fix: >-
#     open the ports that are served, to those who use them
package fairlead.terraform.aws_open_all_ports

import data.lib.terraform

deny contains {"at": rule.at, "resource": rule.address, "message": "every port is open to everybody"} if {
	some rule in terraform.ingress
	terraform.open(rule)
	all_ports(rule)
}

all_ports(rule) if terraform.whole(rule)

all_ports(rule) if {
	terraform.number(rule.from) <= 1
	terraform.number(rule.to) >= 65535
}
