# Helpers of the checks of workflows.
package lib.actions

# jobs are all jobs of a workflow.
jobs contains {"at": ["doc", "jobs", name], "spec": spec, "name": name, "resource": sprintf("job %s", [name])} if {
	some name, spec in input.doc.jobs
	is_object(spec)
}

# steps are the steps of all jobs, and of a composite action.
steps contains {"at": array.concat(job.at, ["steps", i]), "spec": spec, "resource": sprintf("%s %s", [job.resource, label(spec, i)]), "job": job.name} if {
	some job in jobs
	some i, spec in job.spec.steps
	is_object(spec)
}

steps contains {"at": ["doc", "runs", "steps", i], "spec": spec, "resource": sprintf("action %s", [label(spec, i)]), "job": ""} if {
	some i, spec in input.doc.runs.steps
	is_object(spec)
}

# label names a step by what does not move when another one is put before it.
label(spec, i) := sprintf("step %v", [word]) if {
	words := [w | some key in ["id", "name", "uses"]; w := spec[key]; is_string(w)]
	word := split(array.concat(words, [sprintf("%d", [i])])[0], "@")[0]
}

# events are the names of what starts the workflow.
events contains input.doc.on if is_string(input.doc.on)

events contains name if {
	is_array(input.doc.on)
	some name in input.doc.on
}

events contains name if {
	is_object(input.doc.on)
	some name, _ in input.doc.on
}

# expressions are what stands in ${{ }} of a text.
expressions(s) := {trim_space(e[1]) | some e in regex.find_all_string_submatch_n(`\$\{\{(.*?)\}\}`, s, -1)}

# untrusted tells an expression that somebody outside decides about.
untrusted(e) if {
	regex.match(`github\.event\.(issue|pull_request)\.(title|body)|github\.event\.(comment|review|review_comment)\.body|github\.event\.discussion\.(title|body)|github\.event\.pages[.*\[]|github\.event\.(commits|head_commit)[^ ]*(message|author\.(email|name))|github\.event\.pull_request\.head\.(ref|label|repo\.default_branch)|github\.event\.workflow_run\.(head_branch|head_commit\.(message|author\.(email|name))|pull_requests.*head\.ref|display_title)|github\.head_ref`, e)
}

# head tells whether a step checks out what somebody outside wrote.
head(step) if {
	startswith(step.spec.uses, "actions/checkout@")
	some key in ["ref", "repository"]
	regex.match(`github\.event\.pull_request\.(head|merge_commit_sha)|github\.head_ref|github\.event\.workflow_run\.head|refs/pull/`, step.spec.with[key])
}

head(step) if regex.match(`gh pr checkout|git (fetch|checkout|pull)[^\n]*(github\.event\.(pull_request\.)?(head|number)|github\.head_ref|refs/pull|pull/)`, step.spec.run)
