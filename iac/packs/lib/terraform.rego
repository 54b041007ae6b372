# Helpers of the checks of Terraform. The input is the same for source and
# for a plan: see parseModule.
package lib.terraform

# managed are the resources of a type that Terraform would make.
managed[type] contains {"at": ["resources", i, "values"], "values": r.values, "address": r.address, "type": type} if {
	some i, r in input.resources
	r.mode == "managed"
	type := r.type
}

data_sources[type] contains {"at": ["resources", i, "values"], "values": r.values, "address": r.address, "type": type} if {
	some i, r in input.resources
	r.mode == "data"
	type := r.type
}

# of gives the resources of several types.
of(types) := {r | some type in types; some r in managed[type]}

# unknown tells a value that is known only when Terraform runs.
unknown(v) if {
	is_string(v)
	contains(v, "${")
}

# on and off read a switch, whether it was written as word or as text.
on(v) if v in {true, "true"}

off(v) if v in {false, "false", null}

# missing tells that a switch is not on: absent, or off. What is unknown may
# be on.
missing(values, key) if off(object.get(values, key, null))

# absent tells that nothing is given.
absent(values, key) if object.get(values, key, null) in {null, "", []}

# first gives the only block of a kind.
first(values, key) := values[key][0]

# number reads a number, whether it was written as one or as text.
number(v) := v if is_number(v)

number(v) := to_number(v) if {
	is_string(v)
	regex.match(`^-?[0-9]+$`, v)
}

world := {"0.0.0.0/0", "::/0"}

# ingress are all rules of AWS security groups that let something in, as
# {at, address, from, to, protocol, cidrs}.
ingress contains {"at": array.concat(r.at, ["ingress", i]), "address": r.address, "from": rule.from_port, "to": rule.to_port, "protocol": rule.protocol, "cidrs": cidrs(rule)} if {
	some type in {"aws_security_group", "aws_default_security_group"}
	some r in managed[type]
	some i, rule in blocks(r.values, "ingress")
}

ingress contains {"at": r.at, "address": r.address, "from": r.values.from_port, "to": r.values.to_port, "protocol": r.values.protocol, "cidrs": cidrs(r.values)} if {
	some r in managed.aws_security_group_rule
	r.values.type == "ingress"
}

ingress contains {"at": r.at, "address": r.address, "from": object.get(r.values, "from_port", -1), "to": object.get(r.values, "to_port", -1), "protocol": r.values.ip_protocol, "cidrs": {c | some key in ["cidr_ipv4", "cidr_ipv6"]; c := r.values[key]}} if {
	some r in managed.aws_vpc_security_group_ingress_rule
}

blocks(values, key) := values[key] if is_array(values[key])

blocks(values, key) := [values[key]] if is_object(values[key])

cidrs(rule) := {c | some key in ["cidr_blocks", "ipv6_cidr_blocks"]; some c in rule[key]}

open(rule) if {
	some c in rule.cidrs
	c in world
}

# whole tells a rule for all protocols, and so for all ports.
whole(rule) if sprintf("%v", [rule.protocol]) in {"-1", "all"}

# covers tells whether a rule lets a port through.
covers(rule, _) if whole(rule)

covers(rule, port) if {
	number(rule.from) <= port
	number(rule.to) >= port
}

# policies are all documents of policies, decoded: {at, address, type, statements}.
policies contains {"at": array.concat(r.at, [key]), "address": r.address, "type": r.type, "statements": statements(document)} if {
	some type, key in policy_fields
	some r in managed[type]
	document := json.unmarshal(r.values[key])
}

policies contains {"at": r.at, "address": r.address, "type": r.type, "statements": [normal(s) | some s in r.values.statement]} if {
	some r in data_sources.aws_iam_policy_document
}

policy_fields := {
	"aws_iam_policy": "policy", "aws_iam_role_policy": "policy", "aws_iam_user_policy": "policy", "aws_iam_group_policy": "policy",
	"aws_iam_role": "assume_role_policy", "aws_s3_bucket_policy": "policy", "aws_s3_bucket": "policy", "aws_sqs_queue_policy": "policy",
	"aws_sqs_queue": "policy", "aws_sns_topic_policy": "policy", "aws_sns_topic": "policy", "aws_kms_key": "policy",
	"aws_secretsmanager_secret_policy": "policy", "aws_secretsmanager_secret": "policy", "aws_ecr_repository_policy": "policy",
	"aws_elasticsearch_domain_policy": "access_policies", "aws_opensearch_domain_policy": "access_policies",
	"aws_efs_file_system_policy": "policy", "aws_glue_resource_policy": "policy", "aws_ssoadmin_permission_set_inline_policy": "inline_policy",
	"aws_api_gateway_rest_api_policy": "policy", "aws_lambda_layer_version_permission": "policy", "aws_glacier_vault": "access_policy",
}

statements(document) := document.Statement if is_array(document.Statement)

statements(document) := [document.Statement] if is_object(document.Statement)

# normal gives a block of aws_iam_policy_document the words of a policy.
normal(s) := {"Effect": object.get(s, "effect", "Allow"), "Action": object.get(s, "actions", []), "Resource": object.get(s, "resources", []), "Principal": {p.type: p.identifiers | some p in object.get(s, "principals", [])}, "Condition": object.get(s, "condition", [])}

# words gives one or many as a set.
words(v) := {v} if is_string(v)

words(v) := {w | some w in v} if is_array(v)

# anyone tells whether a statement's principal is everybody.
anyone(s) if s.Principal == "*"

anyone(s) if {
	some kind, who in s.Principal
	kind in {"AWS", "*"}
	"*" in words(who)
}

unconditional(s) if object.get(s, "Condition", {}) in {{}, []}
