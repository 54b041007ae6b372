package kubernetes

import (
	"context"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/dynamic"

	"fairlead.dev"
)

// A writer that was stopped between looking at the fence and writing would write
// over what a later one has found as it wanted it, and so did not write: what it
// had read is unchanged. So whoever comes with a higher fence marks what is
// written to while a release moves, even if nothing else is to be changed there.

// marked tells whether an object bears our fence.
func (m *move) marked(o metav1.Object) bool {
	return o.GetAnnotations()[noteFence] == strconv.FormatInt(m.d.Fence, 10)
}

// change is a patch of an object as it was read, which marks it.
func (m *move) change(live *unstructured.Unstructured, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"spec": spec, "metadata": map[string]any{
		"name": live.GetName(), "resourceVersion": live.GetResourceVersion(), "annotations": m.stamp(),
	}}}
}

func (m *move) stamp() map[string]any {
	return map[string]any{noteFence: strconv.FormatInt(m.d.Fence, 10)}
}

// seal marks home, and the pods where traffic is divided by them. What comes
// later is written with what is read then.
func (m *move) seal(ctx context.Context) error {
	if home := m.scene.home; home != nil && home.GetLabels()[labelPlace] == key(m.at) {
		if err := m.mark(ctx, m.c.in(deployments), home); err != nil {
			return err
		}
	}
	if m.config.Traffic.mode() != byReplicas {
		return nil
	}
	for i := range m.scene.pods {
		if err := m.mark(ctx, m.c.in(pods), &m.scene.pods[i]); err != nil {
			return err
		}
	}
	return nil
}

// mark marks one object, whatever else has changed about it. One that is gone,
// or may not be marked, is nobody's hindrance.
func (m *move) mark(ctx context.Context, in dynamic.ResourceInterface, o metav1.Object) error {
	if m.marked(o) {
		return nil
	}
	if err := m.guard(ctx); err != nil {
		return err
	}
	_, err := patch(ctx, in, &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{"name": o.GetName(), "annotations": m.stamp()},
	}})
	err = m.c.problem("mark "+o.GetName(), err)
	if kind := fairlead.KindOf(err); kind == fairlead.KindDenied || kind == fairlead.KindNotFound {
		return nil
	}
	return err
}
