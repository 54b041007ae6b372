# METADATA
# title: Pull requests run on machines of your own
# description: whoever can open one runs code in your network, and leaves things behind for the next job
# custom:
#   severity: high
#   cwe: [CWE-829]
#   fix: >-
#     run pull requests on machines that are thrown away
package fairlead.actions.own_runner_for_strangers

import data.lib.actions

deny contains {"at": array.concat(job.at, ["runs-on"]), "resource": job.resource, "message": "a pull request runs on a self-hosted runner"} if {
	some event in {"pull_request", "pull_request_target", "issue_comment"}
	event in actions.events
	some job in actions.jobs
	own(job.spec["runs-on"])
}

own("self-hosted")

own(labels) if {
	is_array(labels)
	"self-hosted" in labels
}
