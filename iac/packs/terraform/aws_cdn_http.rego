# METADATA
# title: A distribution serves without TLS
# description: everybody on the way reads and changes what is sent
# custom:
#   severity: medium
#   cwe: [CWE-319]
#   fix: >-
#     set viewer_protocol_policy to redirect-to-https or https-only
package fairlead.terraform.aws_cdn_http

import data.lib.terraform

deny contains {"at": array.concat(r.at, [key, i, "viewer_protocol_policy"]), "resource": r.address, "message": "viewer_protocol_policy is allow-all"} if {
	some r in terraform.of(["aws_cloudfront_distribution"])
	some key in ["default_cache_behavior", "ordered_cache_behavior"]
	some i, behavior in r.values[key]
	behavior.viewer_protocol_policy == "allow-all"
}
