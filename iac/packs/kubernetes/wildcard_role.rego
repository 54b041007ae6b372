# METADATA
# title: A role may do everything
# description: it also covers what is added to the cluster later, secrets and roles among it
# custom:
#   severity: high
#   cwe: [CWE-269]
#   references: ["CIS Kubernetes 1.8 5.1.3"]
#   fix: >-
#     name the resources and the verbs that are needed
package fairlead.kubernetes.wildcard_role

import data.lib.kubernetes

deny contains {"at": array.concat(r.at, [key]), "resource": r.resource, "message": sprintf("%s is *", [key])} if {
	some r in kubernetes.rules
	some key in ["verbs", "resources"]
	kubernetes.has(r.rule, key, {"*"})
}
