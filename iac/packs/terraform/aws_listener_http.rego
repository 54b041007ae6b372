# METADATA
# title: A load balancer serves without TLS
# description: everybody on the way reads and changes what is sent
# custom:
#   severity: medium
#   cwe: [CWE-319]
#   fix: >-
#     use HTTPS, and let HTTP redirect to it
package fairlead.terraform.aws_listener_http

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["protocol"]), "resource": r.address, "message": "the listener speaks HTTP"} if {
	some r in terraform.of(["aws_lb_listener", "aws_alb_listener"])
	upper(object.get(r.values, "protocol", "HTTP")) == "HTTP"
	not redirects(r)
}

redirects(r) if {
	some action in r.values.default_action
	some redirect in action.redirect
	redirect.protocol in {"HTTPS", "#{protocol}"}
}
