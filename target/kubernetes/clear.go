package kubernetes

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"fairlead.dev"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// clear takes everything down that we made. A Deployment that was there before
// us gets its own template back and serves again.
func (m *move) clear(ctx context.Context) error {
	if m.ledger.Settled {
		return nil
	}
	if m.ledger.Found {
		if err := m.restore(ctx); err != nil {
			return err
		}
	}
	for _, o := range m.scene.copies {
		if err := m.removeCopy(ctx, o); err != nil {
			return err
		}
	}
	for _, r := range slices.Backward(m.ledger.Made) {
		if err := m.remove(ctx, r); err != nil {
			return err
		}
	}
	m.ledger.Made, m.ledger.Left, m.ledger.Home, m.ledger.Adopted, m.ledger.Found = nil, nil, "", nil, false
	m.ledger.Settled = true
	return m.ledger.write(ctx, m.c)
}

// restore gives traffic and template back to a Deployment that was there
// before us.
func (m *move) restore(ctx context.Context) error {
	if err := m.turnHome(ctx); err != nil {
		return err
	}
	if m.scene.home == nil || releaseOf(m.scene.home) == "" || m.ledger.Adopted == nil {
		return nil
	}
	var template any
	if err := json.Unmarshal(m.ledger.Adopted, &template); err != nil {
		return invalid("restore deployment", "", err)
	}
	res := m.c.in(deployments)
	live, err := res.Get(ctx, m.ledger.Home, metav1.GetOptions{})
	if err != nil {
		return m.c.problem("restore deployment", err)
	}
	if err := m.guard(ctx); err != nil {
		return err
	}
	raw, err := json.Marshal([]map[string]any{
		{"op": "test", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
		{"op": "replace", "path": "/spec/template", "value": template},
		{"op": "remove", "path": "/metadata/annotations/" + strings.ReplaceAll(noteRelease, "/", "~1")},
	})
	if err != nil {
		return invalid("restore deployment", "", err)
	}
	_, err = res.Patch(ctx, live.GetName(), types.JSONPatchType, raw, metav1.PatchOptions{FieldManager: manager})
	if apierrors.IsInvalid(err) { // what a test that does not hold is told as: somebody wrote in between
		return &fairlead.Problem{Op: "restore deployment", Kind: fairlead.KindTransient, Err: err}
	}
	return m.c.problem("restore deployment", err)
}

// remove deletes an object, if it is there.
func (m *move) remove(ctx context.Context, r reference) error {
	res, err := m.c.resource(ctx, r.GroupVersionKind)
	if err != nil {
		return err
	}
	if err := m.guard(ctx); err != nil {
		return err
	}
	background := metav1.DeletePropagationBackground
	err = res.Delete(ctx, r.Name, metav1.DeleteOptions{PropagationPolicy: &background})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return m.c.problem("remove "+r.Kind+" "+r.Name, err)
}
