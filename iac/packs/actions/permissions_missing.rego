# METADATA
# title: The token may do whatever the repository allows
# description: without permissions the token of many repositories may write to all of it
# custom:
#   severity: medium
#   cwe: [CWE-250]
#   fix: >-
#     start the workflow with permissions of contents read, and give a job what else it needs
package fairlead.actions.permissions_missing

import data.lib.actions

deny contains {"at": job.at, "resource": job.resource, "message": sprintf("job %s does not say what its token may do", [job.name])} if {
	some job in actions.jobs
	not has(input.doc)
	not has(job.spec)
}

has(o) if "permissions" in object.keys(o)
