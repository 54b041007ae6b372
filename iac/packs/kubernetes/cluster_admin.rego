# METADATA
# title: Somebody is bound to cluster-admin
# description: nothing in the cluster is out of reach of that role
# custom:
#   severity: high
#   cwe: [CWE-269]
#   references: ["CIS Kubernetes 1.8 5.1.1"]
#   fix: >-
#     bind a role that has what is needed
package fairlead.kubernetes.cluster_admin

import data.lib.kubernetes

deny contains {"at": ["docs", i, "roleRef"], "resource": kubernetes.resource(doc), "message": sprintf("%s is bound to cluster-admin", [subject.name])} if {
	some i, doc in input.docs
	doc.kind in {"ClusterRoleBinding", "RoleBinding"}
	doc.roleRef.name == "cluster-admin"
	some subject in doc.subjects
	not subject.name == "system:masters"
}
