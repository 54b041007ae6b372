# METADATA
# title: A bucket is open to everybody
# description: whoever knows its name reads, or even writes, what is in it
# custom:
#   severity: critical
#   cwe: [CWE-732]
#   fix: >-
#     set the ACL to private, and switch on all four blocks of aws_s3_bucket_public_access_block
package fairlead.terraform.aws_bucket_public

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["acl"]), "resource": r.address, "message": sprintf("the ACL is %s", [r.values.acl])} if {
	some r in terraform.of(["aws_s3_bucket", "aws_s3_bucket_acl"])
	r.values.acl in {"public-read", "public-read-write", "website", "authenticated-read"}
}
