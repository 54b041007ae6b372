# METADATA
# title: A container may run as root
# description: whoever breaks out of it is root on the node, unless user namespaces are in use
# custom:
#   severity: medium
#   cwe: [CWE-250]
#   references: ["CIS Kubernetes 1.8 5.2.7"]
#   fix: >-
#     set securityContext.runAsNonRoot to true, or runAsUser to a number above zero
package fairlead.kubernetes.run_as_root

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["securityContext", field]), "resource": c.resource, "message": sprintf("container %s may run as root", [c.name])} if {
	some c in kubernetes.containers
	not kubernetes.windows(c.pod)
	field := wrong(c)
}

wrong(c) := "runAsUser" if {
	kubernetes.setting(c, "runAsUser") == 0
} else := "runAsNonRoot" if {
	not kubernetes.setting(c, "runAsNonRoot") == true
	not kubernetes.setting(c, "runAsUser") > 0
}
