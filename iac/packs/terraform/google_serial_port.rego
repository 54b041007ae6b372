# METADATA
# title: A machine's serial port is open
# description: it takes connections from every address, around the firewall
# custom:
#   severity: medium
#   cwe: [CWE-284]
#   references: ["CIS GCP 3.0 4.5"]
#   fix: >-
#     drop serial-port-enable from the metadata
package fairlead.terraform.google_serial_port

import data.lib.terraform

deny contains {"at": array.concat(r.at, ["metadata", "serial-port-enable"]), "resource": r.address, "message": "serial-port-enable is on"} if {
	some r in terraform.of(["google_compute_instance", "google_compute_instance_template", "google_compute_project_metadata"])
	lower(sprintf("%v", [r.values.metadata["serial-port-enable"]])) in {"true", "1"}
}
