# METADATA
# title: A role may enter pods
# description: exec, attach and port-forward lead around everything that guards a workload
# custom:
#   severity: medium
#   cwe: [CWE-269]
#   references: ["CIS Kubernetes 1.8 5.1.4"]
#   fix: >-
#     give such rights for an hour, to people, when something has to be looked into
package fairlead.kubernetes.role_enters_pods

import data.lib.kubernetes

deny contains {"at": array.concat(r.at, ["resources", i]), "resource": r.resource, "message": sprintf("the role may use %s", [name])} if {
	some r in kubernetes.rules
	some i, name in r.rule.resources
	name in {"pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"}
	kubernetes.has(r.rule, "verbs", {"create", "get", "patch", "update", "*"})
}
