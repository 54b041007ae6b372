# METADATA
# title: Package lists are refreshed in a layer of their own
# description: the cached layer keeps old lists, so that later installs miss security updates
# custom:
#   severity: low
#   cwe: [CWE-1104]
#   references: ["CIS Docker 1.6 4.7"]
#   fix: >-
#     refresh and install in one RUN: apt-get update && apt-get install ...
package fairlead.dockerfile.apt_update_alone

import data.lib.dockerfile

deny contains {"at": at, "resource": stage.name, "message": sprintf("%s update stands alone", [manager])} if {
	some i, stage in input.stages
	some j, instruction in stage.instructions
	at := ["stages", i, "instructions", j]
	some manager in {"apt-get", "apt", "apk", "yum", "dnf", "zypper"}
	does(at, manager, {"update", "refresh", "makecache"})
	not does(at, manager, {"install", "add", "upgrade", "dist-upgrade", "in"})
}

does(at, manager, verbs) if {
	some run in dockerfile.runs
	run.at == at
	run.words[0] == manager
	some word in run.words
	word in verbs
}
