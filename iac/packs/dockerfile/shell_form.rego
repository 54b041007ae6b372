# METADATA
# title: The program runs under a shell
# description: the shell gets the signals, so that the program is killed instead of stopped, and it expands what it is given
# custom:
#   severity: low
#   cwe: [CWE-78]
#   fix: >-
#     use the list form: CMD ["/app", "serve"]
package fairlead.dockerfile.shell_form

deny contains {"at": ["stages", i, "instructions", j], "resource": stage.name, "message": sprintf("%s is in the form for a shell", [upper(instruction.cmd)])} if {
	some i, stage in input.stages
	some j, instruction in stage.instructions
	instruction.cmd in {"cmd", "entrypoint"}
	not instruction.exec
	count(instruction.args) > 0
}
