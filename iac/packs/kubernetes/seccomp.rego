# METADATA
# title: A container may make any system call
# description: the filter of system calls that the runtime has by default is not asked for, or switched off
# custom:
#   severity: medium
#   cwe: [CWE-693]
#   references: ["CIS Kubernetes 1.8 5.7.2"]
#   fix: >-
#     set securityContext.seccompProfile.type to RuntimeDefault
package fairlead.kubernetes.seccomp

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["securityContext", "seccompProfile", "type"]), "resource": c.resource, "message": sprintf("container %s has no seccomp profile", [c.name])} if {
	some c in kubernetes.containers
	not kubernetes.windows(c.pod)
	not filtered(c)
}

filtered(c) if kubernetes.setting(c, "seccompProfile").type in {"RuntimeDefault", "Localhost"}
