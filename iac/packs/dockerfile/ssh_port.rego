# METADATA
# title: The image offers SSH
# description: a shell server in a container is another way in, with keys and accounts of its own
# custom:
#   severity: low
#   cwe: [CWE-1327]
#   references: ["CIS Docker 1.6 5.7"]
#   fix: >-
#     drop EXPOSE 22 and the server; look into a container with the runtime's exec
package fairlead.dockerfile.ssh_port

deny contains {"at": ["stages", i, "instructions", j], "resource": stage.name, "message": "port 22 is exposed"} if {
	some i, stage in input.stages
	some j, instruction in stage.instructions
	instruction.cmd == "expose"
	some port in instruction.args
	split(port, "/")[0] == "22"
}
