# METADATA
# title: Code of a pull request runs with the repository's rights
# description: pull_request_target and workflow_run have secrets and a token that writes; what is checked out there is somebody else's
# custom:
#   severity: critical
#   cwe: [CWE-829]
#   fix: >-
#     use pull_request, or do not check out the head in such a workflow
package fairlead.actions.untrusted_checkout

import data.lib.actions

deny contains {"at": step.at, "resource": step.resource, "message": "the head of a pull request is checked out with the repository's rights"} if {
	some event in {"pull_request_target", "workflow_run", "issue_comment"}
	event in actions.events
	some step in actions.steps
	actions.head(step)
}
