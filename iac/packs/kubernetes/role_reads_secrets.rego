# METADATA
# title: A role may read secrets
# description: with the secrets of a namespace come the rights of everything in it
# custom:
#   severity: medium
#   cwe: [CWE-522]
#   references: ["CIS Kubernetes 1.8 5.1.2"]
#   fix: >-
#     drop get, list and watch on secrets, or name the one secret under resourceNames
package fairlead.kubernetes.role_reads_secrets

import data.lib.kubernetes

deny contains {"at": array.concat(r.at, ["resources"]), "resource": r.resource, "message": "the role reads all secrets"} if {
	some r in kubernetes.rules
	kubernetes.has(r.rule, "resources", {"secrets"})
	kubernetes.has(r.rule, "verbs", {"get", "list", "watch"})
	count(object.get(r.rule, "resourceNames", [])) == 0
}
