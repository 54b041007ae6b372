# METADATA
# title: Keys of the account stand in the configuration
# description: everybody who reads the repository can use them
# custom:
#   severity: critical
#   cwe: [CWE-798]
#   fix: >-
#     take them from the environment, or let the pipeline assume a role by OIDC
package fairlead.terraform.aws_literal_keys

import data.lib.terraform

deny contains {"at": ["blocks", i, "values", key], "resource": "provider.aws", "message": sprintf("%s stands in the provider", [key])} if {
	some i, b in input.blocks
	b.type == "provider"
	b.labels[0] == "aws"
	some key in ["access_key", "secret_key", "token"]
	is_string(b.values[key])
	count(b.values[key]) > 8
	not terraform.unknown(b.values[key])
}
