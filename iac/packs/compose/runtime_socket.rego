# METADATA
# title: A service gets the socket of the container runtime
# description: whoever has it starts a privileged container, and so owns the host
# custom:
#   severity: critical
#   cwe: [CWE-250]
#   references: ["CIS Docker 1.6 5.32"]
#   fix: >-
#     drop the mount, or put a proxy between that allows only what is read
package fairlead.compose.runtime_socket

import data.lib.compose

deny contains {"at": m.at, "resource": m.resource, "message": sprintf("%s is mounted", [m.source])} if {
	some m in compose.mounts
	regex.match(`(^|/)(docker|containerd|podman)(/[a-z]+)?\.sock$`, m.source)
}
