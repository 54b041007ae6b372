# METADATA
# title: A disk is kept unencrypted
# description: who gets at the disk or a snapshot of it reads it
# custom:
#   severity: medium
#   cwe: [CWE-311]
#   references: ["CIS AWS 3.0 2.2.1"]
#   fix: >-
#     set encrypted to true
package fairlead.terraform.aws_disk_unencrypted

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["encrypted"]), "resource": r.address, "message": "the disk is not encrypted"} if {
	some r in terraform.of(["aws_ebs_volume", "aws_ebs_snapshot_copy", "aws_efs_file_system"])
	terraform.missing(r.values, "encrypted")
}

deny contains {"at": array.concat(r.at, [key, i, "encrypted"]), "resource": r.address, "message": sprintf("%s is not encrypted", [key])} if {
	some r in terraform.of(["aws_instance", "aws_launch_configuration"])
	some key in ["root_block_device", "ebs_block_device"]
	some i, device in r.values[key]
	terraform.missing(device, "encrypted")
	terraform.absent(device, "snapshot_id")
}
