# METADATA
# title: A base image has no fixed version
# description: the same file builds another image tomorrow, with other vulnerabilities
# custom:
#   severity: medium
#   cwe: [CWE-1357]
#   fix: >-
#     name a version and, better, the digest: FROM debian:12.8@sha256:...
package fairlead.dockerfile.latest_tag

import data.lib.dockerfile

deny contains {"at": ["stages", i], "resource": stage.name, "message": sprintf("the base image %s has no fixed version", [stage.image])} if {
	some i, stage in input.stages
	dockerfile.external(stage.image)
	not contains(stage.image, "@sha256:")
	not contains(stage.image, "$")
	dockerfile.tag(stage.image) in {"", "latest"}
}
