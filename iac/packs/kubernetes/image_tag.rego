# METADATA
# title: An image has no fixed version
# description: a restart may bring another program than the one that was judged
# custom:
#   severity: medium
#   cwe: [CWE-1357]
#   fix: >-
#     name a version or, better, a digest
package fairlead.kubernetes.image_tag

import data.lib.kubernetes

deny contains {"at": array.concat(c.at, ["image"]), "resource": c.resource, "message": sprintf("the image %s has no fixed version", [c.spec.image])} if {
	some c in kubernetes.containers
	image := c.spec.image
	not contains(image, "@")
	not regex.match(`\$|\{\{`, image)
	name := regex.replace(image, `^.*/`, "")
	floating(name)
}

floating(name) if not contains(name, ":")

floating(name) if endswith(name, ":latest")
