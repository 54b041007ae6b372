# METADATA
# title: A port of a data store is open on every interface
# description: it is reached from wherever the host is reached, around the firewall that many hosts have
# custom:
#   severity: low
#   cwe: [CWE-668]
#   references: ["CIS Docker 1.6 5.14"]
#   fix: >-
#     publish it on 127.0.0.1, or only to the other services with expose
package fairlead.compose.port_on_all_interfaces

import data.lib.compose

stores := {"3306", "5432", "6379", "27017", "9200", "11211", "1433", "5984", "9042", "2379", "2375", "2376"}

deny contains {"at": p.at, "resource": p.resource, "message": sprintf("port %s is open on every interface", [p.port])} if {
	some p in compose.ports
	p.port in stores
	p.host in {"", "0.0.0.0", "::", "[::]"}
}
