# METADATA
# title: A key is never changed
# description: the longer a key is in use, the more depends on it never having leaked
# custom:
#   severity: medium
#   cwe: [CWE-324]
#   references: ["CIS AWS 3.0 3.6"]
#   fix: >-
#     set enable_key_rotation to true
package fairlead.terraform.aws_key_rotation

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["enable_key_rotation"]), "resource": r.address, "message": "the key is not rotated"} if {
	some r in terraform.of(["aws_kms_key"])
	terraform.missing(r.values, "enable_key_rotation")
	symmetric(r.values)
}

# Only symmetric keys can be rotated.
symmetric(values) if {
	object.get(values, "customer_master_key_spec", "SYMMETRIC_DEFAULT") in {"SYMMETRIC_DEFAULT", null}
	object.get(values, "key_usage", "ENCRYPT_DECRYPT") in {"ENCRYPT_DECRYPT", null}
}
