# METADATA
# title: A credential stands in the Compose file
# description: everybody who reads the repository has it
# custom:
#   severity: high
#   cwe: [CWE-798]
#   fix: >-
#     take it from the environment or from a file under secrets
package fairlead.compose.literal_credential

import data.lib.compose

deny contains {"at": array.concat(s.at, ["environment", key]), "resource": s.resource, "message": sprintf("the value of %s is in the file", [v[0]])} if {
	some s in compose.services
	some key, v in variables(s.spec.environment)
	regex.match(`(?i)(^|_)(passw(or)?d|passphrase|secret|token|api_?key|access_?key|secret_?key|private_?key)$`, v[0])
	is_string(v[1])
	count(v[1]) > 3
	not regex.match(`(?i)\$|^(/|<.*>$|change_?me|example|none|null|true|false|your[_-])`, v[1])
}

variables(env) := {key: [key, value] | some key, value in env} if is_object(env)

variables(env) := {i: [substring(line, 0, n), substring(line, n + 1, -1)] |
	some i, line in env
	n := indexof(line, "=")
	n > 0
} if {
	is_array(env)
}
