# METADATA
# title: There is no HEALTHCHECK
# description: without one the runtime keeps a container that no longer works
# custom:
#   severity: low
#   cwe: [CWE-693]
#   references: ["CIS Docker 1.6 4.6"]
#   fix: >-
#     add a HEALTHCHECK to the last stage; on Kubernetes probes take its place, and an exception may
#     say so
package fairlead.dockerfile.healthcheck

import data.lib.dockerfile

deny contains {"at": ["stages", i], "resource": stage.name, "message": "the image has no HEALTHCHECK"} if {
	some i, stage in input.stages
	stage.last
	stage.image != "scratch"
	not contains(stage.image, "distroless")
	not dockerfile.has(i, "healthcheck")
}
