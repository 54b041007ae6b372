# METADATA
# title: A service mounts a directory of the system
# description: what it reads or writes there is the host's own
# custom:
#   severity: high
#   cwe: [CWE-668]
#   references: ["CIS Docker 1.6 5.6"]
#   fix: >-
#     mount a named volume, or a directory of the project
package fairlead.compose.host_directory

import data.lib.compose

deny contains {"at": m.at, "resource": m.resource, "message": sprintf("%s of the host is mounted", [m.source])} if {
	some m in compose.mounts
	regex.match(`^/(|bin|boot|dev|etc|lib|lib64|proc|root|run|sbin|sys|usr|var|var/lib|var/run|var/log|home)/?$|^/(boot|dev|etc|proc|root|sys|usr|var/lib/docker)/`, m.source)
	not m.source in {"/etc/localtime", "/etc/timezone"}
	not endswith(m.source, ".sock")
}
