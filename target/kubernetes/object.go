package kubernetes

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fairlead.dev"
	"fairlead.dev/target"
)

// Labels that we give to what we make. A pair of queries tells two releases
// apart by the label of the release on their pods.
const (
	ownPrefix = "fairlead.dev/" // nobody else gives labels and annotations that begin so

	labelPlace   = "fairlead.dev/place"   // the environment and service, as one digest
	labelRelease = "fairlead.dev/release" // first ten digits of the release's digest
	labelCopy    = "fairlead.dev/copy"    // "true" on what is not the home of a release
	labelServing = "fairlead.dev/serving" // on pods that take traffic, where it is divided by replicas

	noteRelease = "fairlead.dev/release" // annotation: the whole digest
	noteFence   = "fairlead.dev/fence"   // annotation: the highest fence under which it was written
)

// key names a place as a label's value.
func key(at target.Place) string { return fairlead.DigestJSON(at).Hex()[:16] }

var (
	notDNS     = regexp.MustCompile(`[^a-z0-9-]+`)
	ledgerForm = regexp.MustCompile(`^fairlead-.*-[0-9a-f]{8}$`) // of the name of any place's ConfigMap
)

// ledgerName names the ConfigMap of a place.
func ledgerName(at target.Place) string {
	words := strings.Trim(notDNS.ReplaceAllString(strings.ToLower(at.Service+"-"+at.Environment), "-"), "-")
	return "fairlead-" + words[:min(len(words), 40)] + "-" + key(at)[:8]
}

// copyName names what belongs to the copy of a release.
func copyName(name string, release fairlead.Digest) string {
	return name[:min(len(name), 52)] + "-" + tag(release)
}

// darkKey is the label by which the copy's pods differ from those of home, so
// that neither the user's Service nor the user's Deployment selects them: the
// plainest one that both select by, or else one of the Service's.
func (r *release) darkKey() string {
	selector, _, _ := unstructured.NestedStringMap(r.service.Object, "spec", "selector")
	both := slices.DeleteFunc(sorted(selectorOf(r.home)), func(k string) bool { return selector[k] == "" })
	for _, k := range []string{"app.kubernetes.io/name", "app", "k8s-app"} {
		if slices.Contains(both, k) {
			return k
		}
	}
	return append(both, sorted(selector)...)[0]
}

// homeObject is the user's Deployment with the release's template. replicas
// below zero leaves their number to whoever owns it.
func (r *release) homeObject(at target.Place, replicas int) *unstructured.Unstructured {
	o := r.home.DeepCopy()
	label(o, map[string]string{labelPlace: key(at)})
	annotate(o, map[string]string{noteRelease: string(r.id)})
	pods := map[string]string{labelPlace: key(at), labelRelease: tag(r.id)}
	if r.config.Traffic.mode() == byReplicas {
		pods[labelServing] = r.service.GetName()
	}
	labelPods(o, pods)
	setReplicas(o, replicas)
	return o
}

// copyObject is the Deployment in which a release runs beside home.
func (r *release) copyObject(at target.Place, replicas int) *unstructured.Unstructured {
	o := r.home.DeepCopy()
	o.SetName(copyName(r.home.GetName(), r.id))
	label(o, map[string]string{labelPlace: key(at), labelCopy: "true", labelRelease: tag(r.id)})
	annotate(o, map[string]string{noteRelease: string(r.id)})
	labels := r.copyLabels(at)
	labelPods(o, labels)
	selector := map[string]any{}
	for k, v := range selectorOf(r.home) {
		selector[k] = v
	}
	for k, v := range labels {
		selector[k] = v
	}
	_ = unstructured.SetNestedMap(o.Object, selector, "spec", "selector", "matchLabels")
	setReplicas(o, replicas)
	return o
}

// copyLabels are the labels of the copy's pods that nobody else has.
func (r *release) copyLabels(at target.Place) map[string]string {
	return map[string]string{
		labelPlace: key(at), labelRelease: tag(r.id), labelCopy: "true",
		r.darkKey(): copyName(r.home.GetName(), r.id),
	}
}

// copyService is the Service of the copy alone.
func (r *release) copyService(at target.Place) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Service"}}
	o.SetName(copyName(r.service.GetName(), r.id))
	o.SetNamespace(r.service.GetNamespace())
	label(o, map[string]string{labelPlace: key(at), labelCopy: "true", labelRelease: tag(r.id)})
	ports, _, _ := unstructured.NestedSlice(r.service.Object, "spec", "ports")
	for _, p := range ports {
		if port, ok := p.(map[string]any); ok {
			delete(port, "nodePort")
		}
	}
	_ = unstructured.SetNestedSlice(o.Object, ports, "spec", "ports")
	_ = unstructured.SetNestedStringMap(o.Object, r.copyLabels(at), "spec", "selector")
	return o
}

func label(o *unstructured.Unstructured, more map[string]string) {
	all := o.GetLabels()
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	o.SetLabels(all)
}

func annotate(o *unstructured.Unstructured, more map[string]string) {
	all := o.GetAnnotations()
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	o.SetAnnotations(all)
}

func labelPods(o *unstructured.Unstructured, more map[string]string) {
	all, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels")
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	_ = unstructured.SetNestedStringMap(o.Object, all, "spec", "template", "metadata", "labels")
}

func setReplicas(o *unstructured.Unstructured, replicas int) {
	if replicas < 0 {
		unstructured.RemoveNestedField(o.Object, "spec", "replicas")
		return
	}
	_ = unstructured.SetNestedField(o.Object, int64(replicas), "spec", "replicas")
}

// releaseOf tells which release a Deployment's template is of: its tag, or ""
// when we did not make it.
func releaseOf(deployment *unstructured.Unstructured) string {
	if deployment == nil {
		return ""
	}
	labels, _, _ := unstructured.NestedStringMap(deployment.Object, "spec", "template", "metadata", "labels")
	return labels[labelRelease]
}

// number reads a number of an object; one that is absent is 0.
func number(o *unstructured.Unstructured, at ...string) int {
	n, _, _ := unstructured.NestedInt64(o.Object, at...)
	return int(n)
}

// whole tells whether a Deployment's rolling update is over: every replica is
// of the newest template and available. One that has none can serve nobody.
func whole(o *unstructured.Unstructured) bool {
	wanted := 1
	if _, ok, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); ok {
		wanted = number(o, "spec", "replicas")
	}
	return wanted > 0 && number(o, "status", "observedGeneration") >= int(o.GetGeneration()) &&
		number(o, "status", "updatedReplicas") == wanted &&
		number(o, "status", "replicas") == wanted &&
		number(o, "status", "availableReplicas") == wanted
}

// paused tells whether somebody has told a Deployment to make no pods.
func paused(o *unstructured.Unstructured) bool {
	yes, _, _ := unstructured.NestedBool(o.Object, "spec", "paused")
	return yes
}
