# METADATA
# title: A container runs on the Windows host itself
# description: host processes have no container around them
# custom:
#   severity: high
#   cwe: [CWE-250]
#   references: ["CIS Kubernetes 1.8 5.2.11"]
#   fix: >-
#     drop windowsOptions.hostProcess
package fairlead.kubernetes.windows_host_process

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["securityContext", "windowsOptions", "hostProcess"]), "resource": c.resource, "message": sprintf("container %s is a process of the host", [c.name])} if {
	some c in kubernetes.containers
	kubernetes.setting(c, "windowsOptions").hostProcess == true
}
