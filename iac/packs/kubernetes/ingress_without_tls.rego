# METADATA
# title: An Ingress serves without TLS
# description: everybody on the way reads and changes what is sent, sign-in cookies included
# custom:
#   severity: medium
#   cwe: [CWE-319]
#   fix: >-
#     add spec.tls with the hosts and a certificate
package fairlead.kubernetes.ingress_without_tls

import data.lib.kubernetes

deny contains {"at": ["docs", i, "spec", "tls"], "resource": kubernetes.resource(doc), "message": "no host of the Ingress has TLS"} if {
	some i, doc in input.docs
	doc.kind == "Ingress"
	count(object.get(doc.spec, "tls", [])) == 0
}
