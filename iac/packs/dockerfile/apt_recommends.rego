# METADATA
# title: apt-get installs more than was asked for
# description: every recommended package is more to patch
# custom:
#   severity: low
#   cwe: [CWE-1104]
#   references: ["CIS Docker 1.6 4.3"]
#   fix: >-
#     install with --no-install-recommends
package fairlead.dockerfile.apt_recommends

import data.lib.dockerfile

deny contains {"at": run.at, "resource": run.resource, "message": "apt-get install takes recommended packages too"} if {
	some run in dockerfile.runs
	run.words[0] in {"apt-get", "apt"}
	"install" in run.words
	not "--no-install-recommends" in run.words
	not "APT::Install-Recommends=false" in run.words
	not "APT::Install-Recommends=0" in run.words
}
