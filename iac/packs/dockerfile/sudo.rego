# METADATA
# title: A command is run with sudo
# description: sudo in an image is a way back to root, and its signals and terminals surprise
# custom:
#   severity: medium
#   cwe: [CWE-250]
#   fix: >-
#     switch the user with USER, and drop sudo from the image
package fairlead.dockerfile.sudo

import data.lib.dockerfile

deny contains {"at": run.at, "resource": run.resource, "message": "RUN uses sudo"} if {
	some run in dockerfile.runs
	run.words[0] == "sudo"
}
