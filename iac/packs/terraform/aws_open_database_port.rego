# METADATA
# title: A database's port is open to everybody
# description: its password is all that stands between it and the world
# custom:
#   severity: high
#   cwe: [CWE-284]
#   fix: >-
#     allow the security group of the program that uses it
package fairlead.terraform.aws_open_database_port

import data.lib.terraform

stores := {1433, 1521, 3306, 5432, 6379, 9200, 11211, 27017}

deny contains {"at": rule.at, "resource": rule.address, "message": sprintf("port %d is open to everybody", [port])} if {
	some rule in terraform.ingress
	terraform.open(rule)
	not terraform.whole(rule)
	some port in stores
	terraform.covers(rule, port)
}
