package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
		if err := innocent(o); err != nil {
			return err
		}
		o.SetNamespace(namespace)
		seen[title(o)] = true
	}
	return nil
}

// innocent refuses an object that says of itself what only the cluster says, or
// only we do: it would pass for something that it is not.
func innocent(o *unstructured.Unstructured) error {
	const op = "read manifests"
	metadata, _ := o.Object["metadata"].(map[string]any)
	for _, field := range []string{"uid", "resourceVersion", "managedFields", "generation", "selfLink"} {
		if v, ok := metadata[field]; ok && v != nil {
			return invalid(op, "leave out what the cluster says: metadata."+field, fmt.Errorf("%s was copied from a cluster", title(o)))
		}
	}
	if o.GetKind() == "ConfigMap" && ledgerForm.MatchString(o.GetName()) {
		return invalid(op, "give it another name", fmt.Errorf("%s has the name of the state that is kept here", title(o)))
	}
	for _, at := range [][]string{{"metadata"}, {"spec", "template", "metadata"}} {
		for _, kind := range []string{"labels", "annotations"} {
			all, _, _ := unstructured.NestedMap(o.Object, append(slices.Clone(at), kind)...)
			for _, key := range sorted(all) {
				if strings.HasPrefix(key, ownPrefix) {
					return invalid(op, "leave it out", fmt.Errorf("%s has %s, which only the target gives", title(o), key))
				}
			}
		}
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
