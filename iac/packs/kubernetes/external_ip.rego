# METADATA
# title: A Service names addresses of its own
# description: externalIPs take traffic for any address on the cluster's network, another team's too
# custom:
#   severity: medium
#   cwe: [CWE-441]
#   fix: >-
#     drop spec.externalIPs; ask for a load balancer or a Gateway
package fairlead.kubernetes.external_ip

import data.lib.kubernetes

deny contains {"at": ["docs", i, "spec", "externalIPs"], "resource": kubernetes.resource(doc), "message": "the Service names externalIPs"} if {
	some i, doc in input.docs
	doc.kind == "Service"
	count(doc.spec.externalIPs) > 0
}
