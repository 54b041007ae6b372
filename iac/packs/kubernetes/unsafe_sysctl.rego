# METADATA
# title: A pod changes settings of the kernel
# description: outside of a few, they reach beyond the pod
# custom:
#   severity: medium
#   cwe: [CWE-250]
#   fix: >-
#     drop the sysctl, or set it on the node
package fairlead.kubernetes.unsafe_sysctl

import data.lib.kubernetes

safe := {"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes"}

deny contains {"at": array.concat(pod.at, ["securityContext", "sysctls", i]), "resource": pod.resource, "message": sprintf("the sysctl %s is set", [s.name])} if {
	some pod in kubernetes.pods
	some i, s in pod.spec.securityContext.sysctls
	not s.name in safe
}
