# METADATA
# title: A pod shares a namespace of the node
# description: it sees the node's processes, memory or network, and reaches what listens on localhost only
# custom:
#   severity: high
#   cwe: [CWE-653]
#   references: ["CIS Kubernetes 1.8 5.2.3", "CIS Kubernetes 1.8 5.2.4", "CIS Kubernetes 1.8 5.2.5"]
#   fix: >-
#     drop hostPID, hostIPC and hostNetwork
package fairlead.kubernetes.host_namespace

import data.lib.kubernetes

deny contains {"at": array.concat(pod.at, [field]), "resource": pod.resource, "message": sprintf("%s is on", [field])} if {
	some pod in kubernetes.pods
	some field in ["hostPID", "hostIPC", "hostNetwork"]
	pod.spec[field] == true
}
