# METADATA
# title: The token may write everything
# description: whatever a step fetches may change code, releases and packages
# custom:
#   severity: high
#   cwe: [CWE-250]
#   fix: >-
#     name the permissions that are needed
package fairlead.actions.permissions_all

import data.lib.actions

deny contains {"at": ["doc", "permissions"], "resource": "workflow", "message": "permissions is write-all"} if {
	input.doc.permissions == "write-all"
}

deny contains {"at": array.concat(job.at, ["permissions"]), "resource": job.resource, "message": "permissions is write-all"} if {
	some job in actions.jobs
	job.spec.permissions == "write-all"
}
