# METADATA
# title: A database's firewall lets everybody in
# description: its password is all that stands between it and the world
# custom:
#   severity: high
#   cwe: [CWE-284]
#   fix: >-
#     name the addresses that need it
package fairlead.terraform.azure_sql_open

import data.lib.terraform

deny contains {"at": r.at, "resource": r.address, "message": "the firewall lets every address in"} if {
	some type in {"azurerm_sql_firewall_rule", "azurerm_mssql_firewall_rule", "azurerm_postgresql_firewall_rule", "azurerm_mysql_firewall_rule", "azurerm_mariadb_firewall_rule", "azurerm_postgresql_flexible_server_firewall_rule", "azurerm_redis_firewall_rule"}
	some r in terraform.managed[type]
	r.values[start_key(r.values)] == "0.0.0.0"
	wide(r.values)
}

start_key(values) := "start_ip_address" if values.start_ip_address

start_key(values) := "start_ip" if values.start_ip

wide(values) if values.end_ip_address == "255.255.255.255"

wide(values) if values.end_ip == "255.255.255.255"
