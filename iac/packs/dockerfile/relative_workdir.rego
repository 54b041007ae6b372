# METADATA
# title: WORKDIR is relative
# description: where it leads depends on the base image, so that files land where nobody looks
# custom:
#   severity: low
#   cwe: [CWE-427]
#   fix: >-
#     write the whole path: WORKDIR /app
package fairlead.dockerfile.relative_workdir

deny contains {"at": ["stages", i, "instructions", j], "resource": stage.name, "message": sprintf("WORKDIR %s is relative", [instruction.args[0]])} if {
	some i, stage in input.stages
	some j, instruction in stage.instructions
	instruction.cmd == "workdir"
	not regex.match(`^["']?(/|\$|[A-Za-z]:)`, instruction.args[0])
}
