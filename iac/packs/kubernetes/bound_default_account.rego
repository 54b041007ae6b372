# METADATA
# title: A role is bound to everybody
# description: every pod that names no account, or every caller, gets the role
# custom:
#   severity: medium
#   cwe: [CWE-269]
#   references: ["CIS Kubernetes 1.8 5.1.5"]
#   fix: >-
#     make a service account for the workload and bind that one
package fairlead.kubernetes.bound_default_account

import data.lib.kubernetes

deny contains {"at": ["docs", i, "subjects", k], "resource": kubernetes.resource(doc), "message": sprintf("the role is bound to %s", [subject.name])} if {
	some i, doc in input.docs
	doc.kind in {"ClusterRoleBinding", "RoleBinding"}
	some k, subject in doc.subjects
	everybody(subject)
}

everybody(s) if {
	s.kind == "ServiceAccount"
	s.name == "default"
}

everybody(s) if s.name in {"system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts"}
