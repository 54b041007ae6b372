# METADATA
# title: A pod mounts a directory of the node
# description: what it writes there outlives it, and many directories lead to the node itself
# custom:
#   severity: high
#   cwe: [CWE-668]
#   references: ["CIS Kubernetes 1.8 5.2.12"]
#   fix: >-
#     use an emptyDir, a PersistentVolumeClaim or a ConfigMap
package fairlead.kubernetes.host_path

import data.lib.kubernetes

deny contains {"at": array.concat(pod.at, ["volumes", i, "hostPath"]), "resource": sprintf("%s volume %v", [pod.resource, object.get(volume, "name", i)]), "message": sprintf("the node's %v is mounted", [object.get(volume.hostPath, "path", "directory")])} if {
	some pod in kubernetes.pods
	some i, volume in pod.spec.volumes
	is_object(volume.hostPath)
}
