# METADATA
# title: A database is kept unencrypted
# description: who gets at a disk or a snapshot reads it
# custom:
#   severity: high
#   cwe: [CWE-311]
#   references: ["CIS AWS 3.0 2.3.1"]
#   fix: >-
#     set storage_encrypted (encrypted for Redshift) to true
package fairlead.terraform.aws_database_unencrypted

import data.lib.terraform

field := {"aws_db_instance": "storage_encrypted", "aws_rds_cluster": "storage_encrypted", "aws_docdb_cluster": "storage_encrypted", "aws_neptune_cluster": "storage_encrypted", "aws_redshift_cluster": "encrypted"}

deny contains {"at": array.concat(r.at, [key]), "resource": r.address, "message": sprintf("%s is not on", [key])} if {
	some type, key in field
	some r in terraform.managed[type]
	terraform.missing(r.values, key)
	not object.get(r.values, "engine_mode", "") == "serverless"
	terraform.absent(r.values, "replicate_source_db")
}
