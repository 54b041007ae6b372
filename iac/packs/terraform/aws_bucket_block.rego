# METADATA
# title: A bucket may be made public
# description: one wrong policy or ACL later opens it
# custom:
#   severity: high
#   cwe: [CWE-732]
#   references: ["CIS AWS 3.0 2.1.4"]
#   fix: >-
#     set block_public_acls, block_public_policy, ignore_public_acls and restrict_public_buckets to
#     true
package fairlead.terraform.aws_bucket_block

import data.lib.terraform

deny contains {"at": array.concat(r.at, [key]), "resource": r.address, "message": sprintf("%s is off", [key])} if {
	some r in terraform.of(["aws_s3_bucket_public_access_block", "aws_s3_account_public_access_block"])
	some key in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"]
	terraform.missing(r.values, key)
}
