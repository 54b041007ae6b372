# METADATA
# title: A credential stands in the workflow
# description: everybody who reads the repository has it
# custom:
#   severity: high
#   cwe: [CWE-798]
#   fix: >-
#     keep it as a secret of the repository, or get it by OIDC
package fairlead.actions.literal_credential

import data.lib.actions

deny contains {"at": array.concat(place.at, ["env", name]), "resource": place.resource, "message": sprintf("the value of %s is in the workflow", [name])} if {
	some place in {{"at": ["doc"], "spec": input.doc, "resource": "workflow"}} | actions.jobs | actions.steps
	some name, value in place.spec.env
	regex.match(`(?i)(^|_)(passw(or)?d|passphrase|secret|token|api_?key|access_?key|secret_?key|private_?key)$`, name)
	literal(value)
}

deny contains {"at": array.concat(job.at, array.concat(path, ["password"])), "resource": job.resource, "message": "a registry's password is in the workflow"} if {
	some job in actions.jobs
	walk(job.spec, [path, value])
	path[count(path) - 1] == "credentials"
	literal(value.password)
}

literal(value) if {
	is_string(value)
	count(value) > 3
	not regex.match(`(?i)\$|^(/|<.*>$|change_?me|example|none|null|true|false|your[_-])`, value)
}
