# METADATA
# title: A bucket is open to everybody
# description: whoever knows its name reads what is in it
# custom:
#   severity: high
#   cwe: [CWE-732]
#   references: ["CIS GCP 3.0 5.1"]
#   fix: >-
#     name members instead of allUsers and allAuthenticatedUsers
package fairlead.terraform.google_bucket_public

import data.lib.terraform

deny contains {"at": r.at, "resource": r.address, "message": sprintf("%s may use it", [who])} if {
	some r in terraform.of(["google_storage_bucket_iam_member", "google_storage_bucket_iam_binding", "google_storage_bucket_access_control", "google_kms_crypto_key_iam_member", "google_kms_crypto_key_iam_binding", "google_bigquery_dataset_iam_member", "google_pubsub_topic_iam_member"])
	some who in {"allUsers", "allAuthenticatedUsers"}
	named(r.values, who)
}

deny contains {"at": array.concat(r.at, ["access", i]), "resource": r.address, "message": "allAuthenticatedUsers may use it"} if {
	some r in terraform.of(["google_bigquery_dataset"])
	some i, access in r.values.access
	access.special_group == "allAuthenticatedUsers"
}

named(values, who) if values.member == who

named(values, who) if values.entity == who

named(values, who) if who in values.members
