# METADATA
# title: A database is open to everybody
# description: its password is all that stands between it and the world
# custom:
#   severity: high
#   cwe: [CWE-284]
#   references: ["CIS GCP 3.0 6.5"]
#   fix: >-
#     name the networks, or use a private address
package fairlead.terraform.google_sql_public

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["settings", i, "ip_configuration", k, "authorized_networks", n]), "resource": r.address, "message": "every network is authorized"} if {
	some r in terraform.of(["google_sql_database_instance"])
	some i, settings in r.values.settings
	some k, ip in settings.ip_configuration
	some n, network in ip.authorized_networks
	network.value in terraform.world
}
