# METADATA
# title: SSH or RDP is open to everybody
# description: the whole world tries passwords and exploits on it
# custom:
#   severity: high
#   cwe: [CWE-284]
#   fix: >-
#     allow the addresses that need it, or use Bastion
package fairlead.terraform.azure_open_admin_port

import data.lib.terraform

deny contains {"at": rule.at, "resource": rule.address, "message": sprintf("port %d is open to everybody", [port])} if {
	some rule in rules
	lower(rule.values.direction) == "inbound"
	lower(rule.values.access) == "allow"
	lower(rule.values.protocol) in {"tcp", "*"}
	some source in sources(rule.values)
	lower(source) in {"*", "0.0.0.0", "0.0.0.0/0", "internet", "any", "/0", "<nw>/0"}
	some port in [22, 3389]
	some range in ranges(rule.values)
	covers(range, port)
}

rules contains r if some r in terraform.managed.azurerm_network_security_rule

rules contains {"at": array.concat(r.at, ["security_rule", i]), "values": rule, "address": r.address} if {
	some r in terraform.managed.azurerm_network_security_group
	some i, rule in r.values.security_rule
}

sources(values) := {s | s := values.source_address_prefix} | {s | some s in values.source_address_prefixes}

ranges(values) := {s | s := values.destination_port_range} | {s | some s in values.destination_port_ranges}

covers("*", _)

covers(range, port) if {
	some part in split(sprintf("%v", [range]), ",")
	bounds := split(trim_space(part), "-")
	to_number(bounds[0]) <= port
	to_number(bounds[count(bounds) - 1]) >= port
}
