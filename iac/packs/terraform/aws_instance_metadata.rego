# METADATA
# title: A machine's credentials are one request away
# description: version 1 of the metadata service answers any request that a program can be talked into
# custom:
#   severity: high
#   cwe: [CWE-918]
#   references: ["CIS AWS 3.0 5.6"]
#   fix: >-
#     set metadata_options.http_tokens to required
package fairlead.terraform.aws_instance_metadata

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["metadata_options", 0, "http_tokens"]), "resource": r.address, "message": "http_tokens is not required"} if {
	some r in terraform.of(["aws_instance", "aws_launch_template", "aws_launch_configuration"])
	not guarded(r)
}

guarded(r) if {
	some options in r.values.metadata_options
	tight(options)
}

tight(options) if options.http_tokens == "required"

tight(options) if options.http_endpoint == "disabled"

tight(options) if terraform.unknown(options.http_tokens)
