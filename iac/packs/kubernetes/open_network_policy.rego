# METADATA
# title: A network policy lets everybody in
# description: an empty rule allows all sources, as if there were no policy
# custom:
#   severity: medium
#   cwe: [CWE-284]
#   fix: >-
#     name the pods, namespaces or addresses that may connect
package fairlead.kubernetes.open_network_policy

import data.lib.kubernetes

deny contains {"at": ["docs", i, "spec", "ingress", k], "resource": kubernetes.resource(doc), "message": "an ingress rule allows every source"} if {
	some i, doc in input.docs
	doc.kind == "NetworkPolicy"
	some k, rule in doc.spec.ingress
	everyone(rule)
}

everyone(rule) if count(object.get(rule, "from", [])) == 0

everyone(rule) if {
	some from in rule.from
	from.ipBlock.cidr in {"0.0.0.0/0", "::/0"}
	count(object.get(from.ipBlock, "except", [])) == 0
}
