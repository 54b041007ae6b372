# METADATA
# title: All secrets are given to one step
# description: it needs one or two; what it prints, and what it loads, has all of them
# custom:
#   severity: high
#   cwe: [CWE-200]
#   fix: >-
#     name the secrets that the step needs
package fairlead.actions.all_secrets_exposed

import data.lib.actions

deny contains {"at": at, "resource": step.resource, "message": "all secrets are given to the step"} if {
	some step in actions.steps
	walk(step.spec, [path, value])
	is_string(value)
	some e in actions.expressions(value)
	regex.match(`(?i)tojson\(\s*secrets\s*\)|^secrets$`, e)
	at := array.concat(step.at, path)
}
