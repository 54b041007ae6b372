# METADATA
# title: A policy lets everybody in
# description: principal * is every account, and every visitor where that is possible
# custom:
#   severity: high
#   cwe: [CWE-284]
#   fix: >-
#     name the accounts, or add a condition such as aws:SourceArn
package fairlead.terraform.aws_policy_anyone

import data.lib.terraform

deny contains {"at": p.at, "resource": p.address, "message": "a statement allows everybody, without a condition"} if {
	some p in terraform.policies
	some s in p.statements
	s.Effect == "Allow"
	terraform.anyone(s)
	terraform.unconditional(s)
}
