# METADATA
# title: What somebody outside writes becomes part of a script
# description: a title of an issue or the name of a branch runs as commands, with the workflow's token and secrets
# custom:
#   severity: critical
#   cwe: [CWE-94]
#   fix: >-
#     give the expression to the step as a variable under env, and use the variable in quotes
package fairlead.actions.script_injection

import data.lib.actions

deny contains {"at": array.concat(step.at, at), "resource": step.resource, "message": sprintf("${{ %s }} is put into a script", [e])} if {
	some step in actions.steps
	some [at, script] in scripts(step)
	some e in actions.expressions(script)
	actions.untrusted(e)
}

scripts(step) := {[["run"], s] | s := step.spec.run} | {[["with", "script"], s] |
	startswith(step.spec.uses, "actions/github-script@")
	s := step.spec.with.script
}
