# METADATA
# title: ADD is used where COPY would do
# description: ADD also unpacks and fetches, so that a file of another kind has another effect
# custom:
#   severity: low
#   cwe: [CWE-710]
#   references: ["CIS Docker 1.6 4.9"]
#   fix: >-
#     use COPY; keep ADD for archives that are to be unpacked
package fairlead.dockerfile.add_instead_of_copy

deny contains {"at": ["stages", i, "instructions", j], "resource": stage.name, "message": sprintf("ADD %s copies only", [source])} if {
	some i, stage in input.stages
	some j, instruction in stage.instructions
	instruction.cmd == "add"
	some source in array.slice(instruction.args, 0, count(instruction.args) - 1)
	not regex.match(`^(https?|ftp)://|^git@|\$|\.git(#|$)`, source)
	not regex.match(`\.(tar|tgz|tbz2?|txz|tar\.[a-z0-9]+|gz|bz2|xz|zst)$`, source)
}
