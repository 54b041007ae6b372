# METADATA
# title: ADD fetches from the network
# description: what is fetched is neither pinned nor verified, and ADD unpacks archives without asking
# custom:
#   severity: medium
#   cwe: [CWE-494]
#   references: ["CIS Docker 1.6 4.9"]
#   fix: >-
#     give ADD a --checksum, or fetch with curl and verify the digest in the same RUN
package fairlead.dockerfile.add_remote

deny contains {"at": ["stages", i, "instructions", j], "resource": stage.name, "message": sprintf("ADD fetches %s without a checksum", [source])} if {
	some i, stage in input.stages
	some j, instruction in stage.instructions
	instruction.cmd == "add"
	not instruction.flags.checksum
	some source in array.slice(instruction.args, 0, count(instruction.args) - 1)
	regex.match(`^(https?|ftp)://|^git@`, source)
}
