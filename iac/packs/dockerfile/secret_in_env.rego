# METADATA
# title: A credential is built into the image
# description: ENV, ARG defaults and LABEL are readable by everyone who can pull the image
# custom:
#   severity: high
#   cwe: [CWE-798, CWE-522]
#   references: ["CIS Docker 1.6 4.10"]
#   fix: >-
#     mount it while building with RUN --mount=type=secret, or give it to the container when it
#     starts
package fairlead.dockerfile.secret_in_env

deny contains {"at": ["stages", i, "instructions", j], "resource": stage.name, "message": sprintf("%s gives %s a value", [upper(instruction.cmd), name])} if {
	some i, stage in input.stages
	some j, instruction in stage.instructions
	some [name, value] in pairs(instruction)
	regex.match(`(?i)(^|_)(passw(or)?d|passphrase|secret|token|api_?key|access_?key|secret_?key|private_?key|credentials?)$`, name)
	literal(value)
}

pairs(instruction) := {[instruction.args[k], instruction.args[k + 1]] |
	some k in numbers.range(0, count(instruction.args) - 2)
	k % 3 == 0
} if {
	instruction.cmd == "env"
	count(instruction.args) >= 2
}

pairs(instruction) := {[substring(a, 0, n), substring(a, n + 1, -1)] |
	some a in instruction.args
	n := indexof(a, "=")
	n > 0
} if {
	instruction.cmd == "arg"
}

# A value that is made of variables, or stands for one, tells nothing.
literal(value) if {
	plain := trim(value, `"' `)
	count(plain) > 3
	not contains(plain, "$")
	not regex.match(`(?i)^(/|<.*>$|change_?me|example|none|null|true|false|unset|your[_-])`, plain)
}
