package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"fairlead.dev"
	"fairlead.dev/target"
)

// put applies an object with the fields that it names and no others. What
// belongs to somebody else is not taken: KindDenied, with who owns what.
func (m *move) put(ctx context.Context, o *unstructured.Unstructured) error {
	for range 10 {
		err := m.putOnce(ctx, o)
		if fairlead.KindOf(err) != fairlead.KindTransient {
			return err
		}
	}
	return unavailable("apply "+title(o), "", errBusy)
}

func (m *move) putOnce(ctx context.Context, o *unstructured.Unstructured) error {
	op := "apply " + title(o)
	res, err := m.c.resource(ctx, o.GroupVersionKind())
	if err != nil {
		return err
	}
	live, err := res.Get(ctx, o.GetName(), metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return m.c.problem(op, err)
	}
	if err != nil {
		live = nil
	} else if err := ourPlace(live, m.at); err != nil {
		return err
	}
	if err := m.note(ctx, o, live); err != nil {
		return err
	}
	if err := m.guard(ctx); err != nil {
		return err
	}
	sent := o.DeepCopy()
	sent.SetNamespace(m.c.namespace)
	if live != nil {
		keepReplicas(sent, live)
		keepRules(sent, live, m.ledger.Rules)
		sent.SetResourceVersion(live.GetResourceVersion())
	}
	return m.c.problem(op, applied(ctx, res, sent, false))
}

// applied applies an object on the server's side. Fields that we wrote
// ourselves in another way are taken back, those of others are not.
func applied(ctx context.Context, res dynamic.ResourceInterface, o *unstructured.Unstructured, dry bool) error {
	options := metav1.ApplyOptions{FieldManager: manager}
	if dry {
		options.DryRun = []string{metav1.DryRunAll}
	}
	_, err := res.Apply(ctx, o.GetName(), o, options)
	if owned(err) && oursAlone(err) {
		options.Force = true
		_, err = res.Apply(ctx, o.GetName(), o, options)
	}
	return err
}

// note writes down, before it is made, that an object is ours, and what a
// Deployment was like that was there before us.
func (m *move) note(ctx context.Context, o, live *unstructured.Unstructured) error {
	isHome := o.GetKind() == "Deployment" && o.GetName() == m.ledger.Home
	rules := m.noteRules(o)
	switch {
	case o.GetLabels()[labelCopy] == "true":
		return nil // found again by its label
	case live == nil:
		if !m.ledger.made(referenceTo(o)) && !rules {
			return nil
		}
	case isHome && live.GetAnnotations()[noteRelease] == "" && m.ledger.Adopted == nil:
		template, _, _ := unstructured.NestedFieldNoCopy(live.Object, "spec", "template")
		raw, err := json.Marshal(template)
		if err != nil {
			return invalid("keep template", "", err)
		}
		m.ledger.Adopted, m.ledger.Found = raw, true
	case !rules:
		return nil
	}
	return m.ledger.write(ctx, m.c)
}

// noteRules adds to the ledger the rules of a route that come with a manifest.
// They stay there when a later manifest has them no more, so that it takes them
// away: what is not there came from others.
func (m *move) noteRules(o *unstructured.Unstructured) (changed bool) {
	if o.GetKind() != "HTTPRoute" {
		return false
	}
	for _, k := range ruleKeys(o) {
		if !slices.Contains(m.ledger.Rules, k) {
			m.ledger.Rules, changed = append(m.ledger.Rules, k), true
		}
	}
	return changed
}

// putNew applies an object that is not there yet.
func (m *move) putNew(ctx context.Context, o *unstructured.Unstructured) error {
	res, err := m.c.resource(ctx, o.GroupVersionKind())
	if err != nil {
		return err
	}
	_, err = res.Get(ctx, o.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return m.put(ctx, o)
	}
	return m.c.problem("look for "+title(o), err)
}

// keepReplicas says of a Deployment's replicas what they are, where we own the
// field and want to say nothing: giving up a field that nobody else owns would
// set it to one.
func keepReplicas(sent, live *unstructured.Unstructured) {
	if sent.GetKind() != "Deployment" {
		return
	}
	if _, says, _ := unstructured.NestedInt64(sent.Object, "spec", "replicas"); says {
		return
	}
	mine, others := false, false
	for _, f := range live.GetManagedFields() {
		var fields struct {
			Spec map[string]json.RawMessage `json:"f:spec"`
		}
		if f.FieldsV1 == nil || json.Unmarshal(f.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		if _, owns := fields.Spec["f:replicas"]; owns {
			mine = mine || f.Manager == manager
			others = others || f.Manager != manager
		}
	}
	if mine && !others {
		setReplicas(sent, number(live, "spec", "replicas"))
	}
}

// rehearse asks the cluster whether it would take a release: its copy, and
// everything that takes the place of what is there. Nothing is changed.
func rehearse(ctx context.Context, c *cluster, at target.Place, r *release) error {
	all := append([]*unstructured.Unstructured{r.copyObject(at, r.config.Replicas), r.homeObject(at, -1), r.service}, r.rest...)
	if r.route != nil {
		all = append(all, r.route)
	}
	for _, o := range all {
		op := "rehearse " + title(o)
		res, err := c.resource(ctx, o.GroupVersionKind())
		if err != nil {
			return err
		}
		live, err := res.Get(ctx, o.GetName(), metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return c.problem(op, err)
		}
		sent := o.DeepCopy()
		sent.SetNamespace(c.namespace)
		if err == nil {
			if err := ourPlace(live, at); err != nil {
				return err
			}
			keepReplicas(sent, live)
		}
		if err := applied(ctx, res, sent, true); err != nil {
			return c.problem(op, err)
		}
	}
	return nil
}

// ourPlace refuses an object that is another place's: a service that was given
// another name would meet none of the rules that hold where it is live.
func ourPlace(live *unstructured.Unstructured, at target.Place) error {
	of := live.GetLabels()[labelPlace]
	if of == "" || of == key(at) {
		return nil
	}
	return denied("take "+title(live),
		"keep the names of service and environment; where they are to change, take the label "+labelPlace+" off it by hand while nothing moves",
		errors.New("it is released under another name of service or environment, whose rules hold there"))
}
