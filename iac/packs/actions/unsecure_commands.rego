# METADATA
# title: A program's output may set variables
# description: what a build prints can change PATH for the steps after it
# custom:
#   severity: high
#   cwe: [CWE-78]
#   fix: >-
#     drop ACTIONS_ALLOW_UNSECURE_COMMANDS, and write to the file $GITHUB_ENV
package fairlead.actions.unsecure_commands

import data.lib.actions

deny contains {"at": array.concat(place.at, ["env", "ACTIONS_ALLOW_UNSECURE_COMMANDS"]), "resource": place.resource, "message": "ACTIONS_ALLOW_UNSECURE_COMMANDS is on"} if {
	some place in places
	lower(sprintf("%v", [place.spec.env.ACTIONS_ALLOW_UNSECURE_COMMANDS])) == "true"
}

places := {{"at": ["doc"], "spec": input.doc, "resource": "workflow"}} | actions.jobs | actions.steps
