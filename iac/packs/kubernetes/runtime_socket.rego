# METADATA
# title: A pod gets the socket of the container runtime
# description: whoever has it starts a privileged container, and so owns the node
# custom:
#   severity: critical
#   cwe: [CWE-250]
#   references: ["CIS Kubernetes 1.8 5.2.12"]
#   fix: >-
#     build images without the node's runtime, and ask the API server for what is known of containers
package fairlead.kubernetes.runtime_socket

import data.lib.kubernetes

deny contains {"at": array.concat(pod.at, ["volumes", i, "hostPath", "path"]), "resource": sprintf("%s volume %v", [pod.resource, object.get(volume, "name", i)]), "message": sprintf("%s is mounted", [volume.hostPath.path])} if {
	some pod in kubernetes.pods
	some i, volume in pod.spec.volumes
	regex.match(`(^|/)(docker|containerd|crio|podman)(/[a-z]+)?\.sock$`, volume.hostPath.path)
}
