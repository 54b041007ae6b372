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

deny contains {"at": ["stages", i, "instructions", j], "resource": stage.name, "message": sprintf("%s update stands alone", [manager])} if {
	some i, stage in input.stages
	some j, _ in stage.instructions
	commands := dockerfile.commands[i][j]
	some manager in {"apt-get", "apt", "apk", "yum", "dnf", "zypper"}
	does(commands, manager, {"update", "refresh", "makecache"})
	not does(commands, manager, {"install", "add", "upgrade", "dist-upgrade", "in"})
}

does(commands, manager, verbs) if {
	some words in commands
	words[0] == manager
	some word in words
	word in verbs
}
