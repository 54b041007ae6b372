# Helpers of the checks of Kubernetes manifests.
package lib.kubernetes

# templates say where a kind keeps the pods that it makes.
templates := {
	"Pod": ["spec"],
	"PodTemplate": ["template", "spec"],
	"CronJob": ["spec", "jobTemplate", "spec", "template", "spec"],
	"Deployment": ["spec", "template", "spec"],
	"DaemonSet": ["spec", "template", "spec"],
	"Job": ["spec", "template", "spec"],
	"ReplicaSet": ["spec", "template", "spec"],
	"ReplicationController": ["spec", "template", "spec"],
	"StatefulSet": ["spec", "template", "spec"],
}

# resource names a manifest: "Deployment/shop/web".
resource(doc) := concat("/", [part | some part in [doc.kind, namespace(doc), name(doc)]; part != ""])

namespace(doc) := n if {
	n := doc.metadata.namespace
	is_string(n)
} else := ""

name(doc) := n if {
	n := doc.metadata.name
	is_string(n)
} else := object.get(object.get(doc, "metadata", {}), "generateName", "")

# pods are all pods that a manifest describes.
pods contains {"at": array.concat(["docs", i], path), "spec": spec, "doc": i, "resource": resource(doc), "kind": doc.kind} if {
	some i, doc in input.docs
	path := templates[doc.kind]
	spec := object.get(doc, path, null)
	is_object(spec)
}

# containers are all containers of all pods, with the pod around them.
containers contains {"at": array.concat(pod.at, [field, i]), "spec": spec, "pod": pod, "field": field, "name": container_name(spec, i), "resource": sprintf("%s container %s", [pod.resource, container_name(spec, i)])} if {
	some pod in pods
	some field in ["containers", "initContainers", "ephemeralContainers"]
	some i, spec in pod.spec[field]
	is_object(spec)
}

container_name(spec, i) := sprintf("%v", [object.get(spec, "name", i)])

# setting gives a field of the container's security context, or the pod's, or null.
setting(c, key) := v if {
	v := object.get(c.spec, ["securityContext", key], null)
	v != null
} else := object.get(c.pod.spec, ["securityContext", key], null)

# windows tells pods for Windows, where most of this has no meaning.
windows(pod) if pod.spec.os.name == "windows"

# rules are the rules of all roles.
rules contains {"at": ["docs", i, "rules", k], "rule": rule, "resource": resource(doc), "doc": doc} if {
	some i, doc in input.docs
	doc.kind in {"Role", "ClusterRole"}
	some k, rule in doc.rules
}

# has tells whether a list of a rule has one of the words.
has(rule, key, words) if {
	some word in rule[key]
	word in words
}
