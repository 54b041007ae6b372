# METADATA
# title: An image has no fixed version
# description: another start may bring another program than the one that was judged
# custom:
#   severity: medium
#   cwe: [CWE-1357]
#   fix: >-
#     name a version or, better, a digest
package fairlead.compose.image_tag

import data.lib.compose

deny contains {"at": array.concat(s.at, ["image"]), "resource": s.resource, "message": sprintf("the image %s has no fixed version", [s.spec.image])} if {
	some s in compose.services
	not s.spec.build
	image := s.spec.image
	not regex.match(`@|\$`, image)
	name := regex.replace(image, `^.*/`, "")
	floating(name)
}

floating(name) if not contains(name, ":")

floating(name) if endswith(name, ":latest")
