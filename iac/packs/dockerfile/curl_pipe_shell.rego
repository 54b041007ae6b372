# METADATA
# title: A script from the network is run unseen
# description: whoever controls the server, or the way to it, runs code in the build
# custom:
#   severity: high
#   cwe: [CWE-494]
#   fix: >-
#     fetch a fixed version to a file, verify its digest, then run it
package fairlead.dockerfile.curl_pipe_shell

import data.lib.dockerfile

deny contains {"at": run.at, "resource": run.resource, "message": sprintf("what %s fetches is run at once", [run.words[0]])} if {
	some run in dockerfile.runs
	regex.match(`(^|[\s/;&|(])(curl|wget)\s[^|]*\|\s*(sudo\s+)?([a-z/]*/)?(ba|da|z|k)?sh(\s|$)|(ba|da|z)?sh\s+-c\s+"?\$\((curl|wget)\s|(ba|z)?sh\s+<\((curl|wget)\s`, run.line)
	run.words[0] in {"curl", "wget", "sh", "bash"}
}
