# METADATA
# title: An action can change under its name
# description: "a tag moves: whoever takes over the action runs code with the workflow's token and secrets"
# custom:
#   severity: medium
#   cwe: [CWE-829]
#   fix: >-
#     name the whole commit, and the version in a comment
package fairlead.actions.unpinned_action

import data.lib.actions

deny contains {"at": array.concat(step.at, ["uses"]), "resource": step.resource, "message": sprintf("%s is not pinned to a commit", [step.spec.uses])} if {
	some step in actions.steps
	unpinned(step.spec.uses)
}

deny contains {"at": array.concat(job.at, ["uses"]), "resource": job.resource, "message": sprintf("%s is not pinned to a commit", [job.spec.uses])} if {
	some job in actions.jobs
	unpinned(job.spec.uses)
}

unpinned(uses) if not regex.match(`^\.{1,2}/|@[0-9a-f]{40}$|@[0-9a-f]{64}$|^docker://.*@sha256:[0-9a-f]{64}$`, uses)
