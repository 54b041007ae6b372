# METADATA
# title: A container can change its own files
# description: whoever gets in can leave programs behind and replace the ones that run
# custom:
#   severity: low
#   cwe: [CWE-732]
#   fix: >-
#     set securityContext.readOnlyRootFilesystem to true, with an emptyDir where it has to write
package fairlead.kubernetes.writable_root

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["securityContext", "readOnlyRootFilesystem"]), "resource": c.resource, "message": sprintf("the root file system of container %s is writable", [c.name])} if {
	some c in kubernetes.containers
	not kubernetes.windows(c.pod)
	not c.spec.securityContext.readOnlyRootFilesystem == true
}
