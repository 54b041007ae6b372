# METADATA
# title: A role may give itself more
# description: bind, escalate and impersonate are ways to every other right
# custom:
#   severity: high
#   cwe: [CWE-269]
#   references: ["CIS Kubernetes 1.8 5.1.8"]
#   fix: >-
#     leave the giving of rights to administrators
package fairlead.kubernetes.role_escalates

import data.lib.kubernetes

deny contains {"at": array.concat(r.at, ["verbs"]), "resource": r.resource, "message": "the role may bind, escalate or impersonate"} if {
	some r in kubernetes.rules
	kubernetes.has(r.rule, "verbs", {"bind", "escalate"})
	kubernetes.has(r.rule, "resources", {"roles", "clusterroles", "rolebindings", "clusterrolebindings", "*"})
}

deny contains {"at": array.concat(r.at, ["verbs"]), "resource": r.resource, "message": "the role may bind, escalate or impersonate"} if {
	some r in kubernetes.rules
	kubernetes.has(r.rule, "verbs", {"impersonate"})
	kubernetes.has(r.rule, "resources", {"users", "groups", "serviceaccounts", "*"})
}
