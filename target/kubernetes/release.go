package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fairlead.dev"
	"fairlead.dev/target"
)

// release is a delivered release, verified and rendered for a namespace.
type release struct {
	id      fairlead.Digest
	config  Config
	home    *unstructured.Unstructured   // the Deployment that is released, as the user wrote it
	service *unstructured.Unstructured   // the Service in front of it; nil when there is none
	rest    []*unstructured.Unstructured // all other objects, without what traffic goes by
	route   *unstructured.Unstructured   // the HTTPRoute, when it is among the manifests
	scaled  bool                         // its manifests have an autoscaler for the Deployment
}

// tag is how a release is named in the cluster.
func tag(d fairlead.Digest) string { return d.Hex()[:10] }

// load gives a release that was delivered, after verifying papers and bytes.
func (t *Target) load(ctx context.Context, c *cluster, at target.Place, id fairlead.Digest) (*release, error) {
	b, err := t.shelf.bundle(at, id)
	if err != nil {
		return nil, err
	}
	if err := b.Check(at); err != nil {
		return nil, err
	}
	if err := t.verify.Papers(at, b); err != nil {
		return nil, err
	}
	return t.build(ctx, c.namespace, b.Release)
}

// build renders a release whose papers were verified.
func (t *Target) build(ctx context.Context, namespace string, r fairlead.Release) (*release, error) {
	c, err := decodeConfig(r.Config)
	if err != nil {
		return nil, err
	}
	artifacts, err := needed(c, r.Artifacts)
	if err != nil {
		return nil, err
	}
	all := files{}
	for _, a := range artifacts {
		if all[a.Name], err = t.shelf.read(a); err != nil {
			return nil, err
		}
	}
	objects, err := render(ctx, c, r.Service, all)
	if err != nil {
		return nil, err
	}
	if err := admit(objects, namespace); err != nil {
		return nil, err
	}
	if err := pin(c, objects, all); err != nil {
		return nil, err
	}
	return sort(c, r.ID, objects)
}

// admit holds every object in the release's namespace.
func admit(objects []*unstructured.Unstructured, namespace string) error {
	seen := map[string]bool{}
	for _, o := range objects {
		switch {
		case o.GetName() == "":
			return invalid("read manifests", "", fmt.Errorf("a %s has no name", o.GetKind()))
		case o.GetNamespace() != "" && o.GetNamespace() != namespace:
			return invalid("read manifests", "leave the namespace out of the manifests, or name the target's", fmt.Errorf("%s is for namespace %s, the target is %s", title(o), o.GetNamespace(), namespace))
		case seen[title(o)]:
			return invalid("read manifests", "", fmt.Errorf("%s is there twice", title(o)))
		}
		o.SetNamespace(namespace)
		seen[title(o)] = true
	}
	return nil
}

// title names an object for people: "Deployment shop".
func title(o *unstructured.Unstructured) string { return o.GetKind() + " " + o.GetName() }

// sort finds the parts that the target moves among the objects.
func sort(c Config, id fairlead.Digest, objects []*unstructured.Unstructured) (*release, error) {
	const op = "read manifests"
	r := &release{id: id, config: c}
	var names []string
	for _, o := range objects {
		if o.GetKind() == "Deployment" {
			names = append(names, o.GetName())
			if c.Deployment == "" || c.Deployment == o.GetName() {
				r.home = o
			}
		}
	}
	switch {
	case len(names) == 0:
		return nil, invalid(op, "", errors.New("there is no Deployment"))
	case r.home == nil:
		return nil, invalid(op, fmt.Sprintf("there are %s", strings.Join(names, ", ")), fmt.Errorf("there is no Deployment %s", c.Deployment))
	case c.Deployment == "" && len(names) > 1:
		return nil, invalid(op, "set deployment to the one that is released; the others are applied as they are", fmt.Errorf("there are several Deployments: %s", strings.Join(names, ", ")))
	}
	if len(selectorOf(r.home)) == 0 {
		return nil, invalid(op, "give it spec.selector.matchLabels", fmt.Errorf("%s selects nothing", title(r.home)))
	}
	if err := r.findService(objects); err != nil {
		return nil, err
	}
	for _, o := range objects {
		switch {
		case o == r.home || o == r.service:
		case o.GetKind() == "HTTPRoute" && o.GetName() == c.Traffic.GatewayAPI:
			r.route = o
		default:
			r.rest = append(r.rest, o)
			r.scaled = r.scaled || scales(o, r.home.GetName())
		}
	}
	return r, nil
}

// findService finds the Service in front of the Deployment: the named one, or
// the only one that selects its pods.
func (r *release) findService(objects []*unstructured.Unstructured) error {
	const op = "read manifests"
	labels, _, _ := unstructured.NestedStringMap(r.home.Object, "spec", "template", "metadata", "labels")
	var names []string
	for _, o := range objects {
		selector, _, _ := unstructured.NestedStringMap(o.Object, "spec", "selector")
		if o.GetKind() != "Service" || len(selector) == 0 || !within(selector, labels) {
			continue
		}
		if want := r.config.Traffic.Service; want != "" && want != o.GetName() {
			continue
		}
		names = append(names, o.GetName())
		r.service = o
	}
	switch want := r.config.Traffic.Service; {
	case len(names) == 0 && want != "":
		return invalid(op, "", fmt.Errorf("there is no Service %s that selects the pods of %s", want, title(r.home)))
	case len(names) == 0:
		return invalid(op, "add one: traffic is divided behind it", fmt.Errorf("no Service selects the pods of %s", title(r.home)))
	case len(names) > 1:
		return invalid(op, "leave one of them out, or set traffic.service", fmt.Errorf("several Services select the pods of %s: %s", title(r.home), strings.Join(names, ", ")))
	}
	return nil
}

// within tells whether all of a is in b.
func within(a, b map[string]string) bool {
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}

func selectorOf(deployment *unstructured.Unstructured) map[string]string {
	m, _, _ := unstructured.NestedStringMap(deployment.Object, "spec", "selector", "matchLabels")
	return m
}

// scales tells whether an object is an autoscaler of the Deployment.
func scales(o *unstructured.Unstructured, deployment string) bool {
	kind, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "kind")
	name, _, _ := unstructured.NestedString(o.Object, "spec", "scaleTargetRef", "name")
	return kind == "Deployment" && name == deployment
}

// byDigest is an image reference that stands for the same bytes for ever.
var byDigest = regexp.MustCompile(`^[^\s@]+@sha256:[0-9a-f]{64}$`)

// pin gives every container its image by digest. One that has none is refused,
// unless the config allows tags.
func pin(c Config, objects []*unstructured.Unstructured, all files) error {
	const op = "read images"
	refs := map[string]string{}
	for name, file := range c.Images {
		ref := strings.TrimSpace(string(all[file]))
		if !byDigest.MatchString(ref) {
			return invalid(op, "let the build write the reference by digest there: registry/name@sha256:...", fmt.Errorf("artifact %s of image %s says %.200q", file, name, ref))
		}
		refs[name] = ref
	}
	used := map[string]bool{}
	for _, o := range objects {
		for _, container := range containers(o) {
			image, _ := container["image"].(string)
			name := bare(image)
			if ref, ok := refs[name]; ok {
				container["image"], image = ref, ref
				used[name] = true
			}
			if !byDigest.MatchString(image) && !c.AllowTags {
				return invalid(op, "name it by digest, or map it: images: {"+name+": FILE-WITH-THE-REFERENCE}; allow-tags is for development",
					fmt.Errorf("%s: image %q is not named by digest", title(o), image))
			}
		}
	}
	for _, name := range sorted(refs) {
		if !used[name] {
			return invalid(op, "write it as the manifests do, without tag", fmt.Errorf("images: no container uses %s", name))
		}
	}
	return nil
}

// bare is an image's name without tag and digest.
func bare(image string) string {
	name, _, _ := strings.Cut(image, "@")
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		name = name[:i]
	}
	return name
}

// containers gives all containers of a workload, to be changed in place.
func containers(o *unstructured.Unstructured) []map[string]any {
	at := []string{"spec", "template", "spec"}
	switch o.GetKind() {
	case "Pod":
		at = []string{"spec"}
	case "CronJob":
		at = []string{"spec", "jobTemplate", "spec", "template", "spec"}
	}
	spec, _, _ := unstructured.NestedFieldNoCopy(o.Object, at...)
	m, _ := spec.(map[string]any)
	var out []map[string]any
	for _, key := range []string{"initContainers", "containers"} {
		list, _ := m[key].([]any)
		for _, c := range list {
			if container, ok := c.(map[string]any); ok {
				out = append(out, container)
			}
		}
	}
	return out
}
