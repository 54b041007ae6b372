# METADATA
# title: The image runs as root
# description: whoever breaks out of the program is root in the container, and closer to root on the host
# custom:
#   severity: high
#   cwe: [CWE-250]
#   references: ["CIS Docker 1.6 4.1"]
#   fix: >-
#     create a user with a number of its own and end the last stage with USER, for example USER 10001
package fairlead.dockerfile.root_user

import data.lib.dockerfile

deny contains {"at": at, "resource": stage.name, "message": message} if {
	some i, stage in input.stages
	stage.last
	users := [{"at": ["stages", i, "instructions", j], "user": concat(" ", instruction.args)} |
		some j, instruction in stage.instructions
		instruction.cmd == "user"
	]
	[at, message] := judge(i, stage, users)
}

# A stage on top of another one has the user of that one.
judge(i, stage, users) := [["stages", i], "no USER is set: the image runs as root, unless its base image says otherwise"] if {
	count(users) == 0
	not dockerfile.sets_user(stage.image)
	not contains(lower(stage.image), "nonroot")
}

judge(_, _, users) := [last.at, sprintf("the last USER is %s", [last.user])] if {
	count(users) > 0
	last := users[count(users) - 1]
	split(last.user, ":")[0] in {"root", "0"}
}
