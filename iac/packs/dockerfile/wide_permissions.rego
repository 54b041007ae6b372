# METADATA
# title: Files are made writable for everyone
# description: every process in the container can change what others run
# custom:
#   severity: medium
#   cwe: [CWE-732]
#   fix: >-
#     give the program's own user what it has to write: COPY --chown, chmod 750
package fairlead.dockerfile.wide_permissions

import data.lib.dockerfile

deny contains {"at": run.at, "resource": run.resource, "message": sprintf("chmod %s lets everyone write", [word])} if {
	some run in dockerfile.runs
	run.words[0] == "chmod"
	some word in run.words
	regex.match(`^[0-7]?[0-7][0-7][2367]$|^([ugoa]*[oa][ugoa]*)?\+[rx]*w[rwx]*$`, word)
}

deny contains {"at": ["stages", i, "instructions", j], "resource": stage.name, "message": sprintf("--chmod=%s lets everyone write", [instruction.flags.chmod])} if {
	some i, stage in input.stages
	some j, instruction in stage.instructions
	instruction.cmd in {"copy", "add"}
	regex.match(`^[0-7]?[0-7][0-7][2367]$`, instruction.flags.chmod)
}
