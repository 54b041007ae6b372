# METADATA
# title: An audit trail can be changed unseen
# description: who removes a line from the log is not noticed
# custom:
#   severity: medium
#   cwe: [CWE-778]
#   references: ["CIS AWS 3.0 3.2"]
#   fix: >-
#     set enable_log_file_validation to true
package fairlead.terraform.aws_trail_validation

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["enable_log_file_validation"]), "resource": r.address, "message": "log files are not validated"} if {
	some r in terraform.of(["aws_cloudtrail"])
	terraform.missing(r.values, "enable_log_file_validation")
}
