# METADATA
# title: A cluster has no roles
# description: whoever may speak to it may do everything
# custom:
#   severity: high
#   cwe: [CWE-284]
#   fix: >-
#     set role_based_access_control_enabled to true
package fairlead.terraform.azure_cluster_rbac

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["role_based_access_control_enabled"]), "resource": r.address, "message": "role_based_access_control_enabled is false"} if {
	some r in terraform.of(["azurerm_kubernetes_cluster"])
	r.values.role_based_access_control_enabled in {false, "false"}
}

deny contains {"at": array.concat(r.at, ["role_based_access_control", i, "enabled"]), "resource": r.address, "message": "role_based_access_control is off"} if {
	some r in terraform.of(["azurerm_kubernetes_cluster"])
	some i, c in r.values.role_based_access_control
	c.enabled in {false, "false"}
}
