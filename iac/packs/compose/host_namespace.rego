# METADATA
# title: A service shares a namespace of the host
# description: it sees the host's processes, memory, users or network
# custom:
#   severity: high
#   cwe: [CWE-653]
#   references: ["CIS Docker 1.6 5.10", "CIS Docker 1.6 5.16", "CIS Docker 1.6 5.17"]
#   fix: >-
#     drop network_mode, pid, ipc, uts and userns_mode host
package fairlead.compose.host_namespace

import data.lib.compose

deny contains {"at": array.concat(s.at, [key]), "resource": s.resource, "message": sprintf("%s of %s is the host's", [key, s.name])} if {
	some s in compose.services
	some key in ["network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup"]
	s.spec[key] == "host"
}
