# METADATA
# title: A storage account takes requests without TLS
# description: everybody on the way reads and changes what is sent, keys in the request included
# custom:
#   severity: medium
#   cwe: [CWE-319]
#   fix: >-
#     set https_traffic_only_enabled to true
package fairlead.terraform.azure_storage_http

import data.lib.terraform

deny contains {"at": array.concat(r.at, [key]), "resource": r.address, "message": sprintf("%s is false", [key])} if {
	some r in terraform.of(["azurerm_storage_account"])
	some key in ["https_traffic_only_enabled", "enable_https_traffic_only"]
	r.values[key] in {false, "false"}
}
