# METADATA
# title: A tag of an image can be moved
# description: what was judged and what is run may differ under one name
# custom:
#   severity: low
#   cwe: [CWE-345]
#   fix: >-
#     set image_tag_mutability to IMMUTABLE
package fairlead.terraform.aws_registry_mutable

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["image_tag_mutability"]), "resource": r.address, "message": "tags can be moved"} if {
	some r in terraform.of(["aws_ecr_repository"])
	object.get(r.values, "image_tag_mutability", "MUTABLE") in {"MUTABLE", null}
}
