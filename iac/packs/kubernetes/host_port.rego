# METADATA
# title: A container takes a port of the node
# description: it goes around Services and network policies, and binds the pod to nodes where the port is free
# custom:
#   severity: medium
#   cwe: [CWE-668]
#   references: ["CIS Kubernetes 1.8 5.2.13"]
#   fix: >-
#     drop hostPort, and reach the pod through a Service
package fairlead.kubernetes.host_port

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["ports", i, "hostPort"]), "resource": c.resource, "message": sprintf("container %s takes port %v of the node", [c.name, port.hostPort])} if {
	some c in kubernetes.containers
	some i, port in c.spec.ports
	port.hostPort > 0
}
