# METADATA
# title: A container keeps the default capabilities
# description: it can forge packets and change owners of files, which hardly any program needs
# custom:
#   severity: medium
#   cwe: [CWE-250]
#   references: ["CIS Kubernetes 1.8 5.2.8", "CIS Kubernetes 1.8 5.2.10"]
#   fix: >-
#     set securityContext.capabilities.drop to [ALL]
package fairlead.kubernetes.capabilities_kept

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["securityContext", "capabilities", "drop"]), "resource": c.resource, "message": sprintf("container %s keeps NET_RAW and others", [c.name])} if {
	some c in kubernetes.containers
	not kubernetes.windows(c.pod)
	not drops(c)
}

drops(c) if {
	some capability in c.spec.securityContext.capabilities.drop
	upper(capability) in {"ALL", "NET_RAW"}
}
