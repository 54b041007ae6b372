# METADATA
# title: A called workflow gets every secret
# description: it needs one or two; whoever changes it has all of them
# custom:
#   severity: medium
#   cwe: [CWE-200]
#   fix: >-
#     name the secrets that it gets
package fairlead.actions.secrets_inherited

import data.lib.actions

deny contains {"at": array.concat(job.at, ["secrets"]), "resource": job.resource, "message": sprintf("%s gets every secret", [job.spec.uses])} if {
	some job in actions.jobs
	job.spec.secrets == "inherit"
	not startswith(job.spec.uses, "./")
}
