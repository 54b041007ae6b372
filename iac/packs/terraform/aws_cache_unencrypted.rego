# METADATA
# title: A cache is kept or reached unencrypted
# description: sessions and tokens are what is usually in it
# custom:
#   severity: medium
#   cwe: [CWE-319, CWE-311]
#   fix: >-
#     set at_rest_encryption_enabled and transit_encryption_enabled to true
package fairlead.terraform.aws_cache_unencrypted

import data.lib.terraform

deny contains {"at": array.concat(r.at, [key]), "resource": r.address, "message": sprintf("%s is not on", [key])} if {
	some r in terraform.of(["aws_elasticache_replication_group"])
	some key in ["at_rest_encryption_enabled", "transit_encryption_enabled"]
	terraform.missing(r.values, key)
}
