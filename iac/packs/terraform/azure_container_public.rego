# METADATA
# title: A container of blobs is open to everybody
# description: whoever knows its name reads what is in it
# custom:
#   severity: high
#   cwe: [CWE-732]
#   fix: >-
#     set container_access_type to private
package fairlead.terraform.azure_container_public

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["container_access_type"]), "resource": r.address, "message": sprintf("container_access_type is %s", [r.values.container_access_type])} if {
	some r in terraform.of(["azurerm_storage_container"])
	r.values.container_access_type in {"blob", "container"}
}
