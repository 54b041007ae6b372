# METADATA
# title: A policy allows everything
# description: whoever gets the role has the account
# custom:
#   severity: high
#   cwe: [CWE-269]
#   references: ["CIS AWS 3.0 1.16"]
#   fix: >-
#     name the actions and the resources that are needed
package fairlead.terraform.aws_policy_wildcard

import data.lib.terraform

deny contains {"at": p.at, "resource": p.address, "message": "a statement allows every action on every resource"} if {
	some p in terraform.policies
	p.type != "aws_kms_key"
	some s in p.statements
	s.Effect == "Allow"
	some action in terraform.words(s.Action)
	action in {"*", "*:*"}
	"*" in terraform.words(s.Resource)
}
