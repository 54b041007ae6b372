# METADATA
# title: A database has a public address
# description: it is reached from everywhere that the security group allows, by mistake or not
# custom:
#   severity: high
#   cwe: [CWE-284]
#   references: ["CIS AWS 3.0 2.3.3"]
#   fix: >-
#     set publicly_accessible to false
package fairlead.terraform.aws_database_public

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["publicly_accessible"]), "resource": r.address, "message": "publicly_accessible is true"} if {
	some r in terraform.of(["aws_db_instance", "aws_rds_cluster_instance", "aws_redshift_cluster", "aws_dms_replication_instance", "aws_mq_broker", "aws_neptune_cluster_instance"])
	terraform.on(r.values.publicly_accessible)
}
