# METADATA
# title: A cluster's API server is open to everybody
# description: one flaw in it, or one leaked token, is used from anywhere
# custom:
#   severity: medium
#   cwe: [CWE-284]
#   fix: >-
#     set endpoint_public_access to false, or name public_access_cidrs
package fairlead.terraform.aws_cluster_public

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["vpc_config", i]), "resource": r.address, "message": "the API server is open to everybody"} if {
	some r in terraform.of(["aws_eks_cluster"])
	some i, c in r.values.vpc_config
	not terraform.off(object.get(c, "endpoint_public_access", true))
	not terraform.unknown(object.get(c, "endpoint_public_access", true))
	wide(c)
}

wide(c) if terraform.absent(c, "public_access_cidrs")

wide(c) if {
	some cidr in c.public_access_cidrs
	cidr in terraform.world
}
