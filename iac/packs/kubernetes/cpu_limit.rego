# METADATA
# title: A container asks for no share of the processor
# description: the scheduler puts it anywhere, and under load it gets what is left
# custom:
#   severity: low
#   cwe: [CWE-770]
#   fix: >-
#     set resources.requests.cpu, or resources.limits.cpu
package fairlead.kubernetes.cpu_limit

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["resources"]), "resource": c.resource, "message": sprintf("container %s neither requests nor limits processor time", [c.name])} if {
	some c in kubernetes.containers
	c.field == "containers"
	not c.spec.resources.limits.cpu
	not c.spec.resources.requests.cpu
}
