# METADATA
# title: SSH or RDP is open to everybody
# description: the whole world tries passwords and exploits on it
# custom:
#   severity: high
#   cwe: [CWE-284]
#   references: ["CIS GCP 3.0 3.6", "CIS GCP 3.0 3.7"]
#   fix: >-
#     allow the addresses that need it, or use Identity-Aware Proxy
package fairlead.terraform.google_open_admin_port

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["allow", i]), "resource": r.address, "message": sprintf("port %d is open to everybody", [port])} if {
	some r in terraform.of(["google_compute_firewall"])
	object.get(r.values, "direction", "INGRESS") in {"INGRESS", null}
	some cidr in r.values.source_ranges
	cidr in terraform.world
	some i, rule in r.values.allow
	lower(rule.protocol) in {"tcp", "all", "6"}
	some port in [22, 3389]
	covers(rule, port)
}

covers(rule, _) if terraform.absent(rule, "ports")

covers(rule, port) if {
	some p in rule.ports
	bounds := split(sprintf("%v", [p]), "-")
	to_number(bounds[0]) <= port
	to_number(bounds[count(bounds) - 1]) >= port
}
