package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
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
	if err := m.sweep(ctx); err != nil {
		return err
	}
	for _, r := range slices.Backward(m.ledger.Made) {
		if err := m.remove(ctx, r); err != nil {
			return err
		}
	}
	m.ledger.Made, m.ledger.Left, m.ledger.Home, m.ledger.Adopted, m.ledger.Found, m.ledger.Rules = nil, nil, "", nil, false, nil
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
	for range 10 {
		err := m.restoreOnce(ctx, template)
		if fairlead.KindOf(err) != fairlead.KindTransient {
			return err
		}
	}
	return unavailable("restore deployment", "", errBusy)
}

// restoreOnce puts a template back and takes our marks off. When somebody wrote
// in between, as the cluster itself does whenever a pod comes or goes, it is
// KindTransient.
func (m *move) restoreOnce(ctx context.Context, template any) error {
	const op = "restore deployment"
	res := m.c.in(deployments)
	live, err := res.Get(ctx, m.ledger.Home, metav1.GetOptions{})
	if err != nil {
		return m.c.problem(op, err)
	}
	if err := m.guard(ctx); err != nil {
		return err
	}
	changes := []map[string]any{
		{"op": "test", "path": "/metadata/resourceVersion", "value": live.GetResourceVersion()},
		{"op": "replace", "path": "/spec/template", "value": template},
	}
	for at, has := range map[string]map[string]string{"labels": live.GetLabels(), "annotations": live.GetAnnotations()} {
		for _, name := range sorted(has) {
			if strings.HasPrefix(name, ownPrefix) {
				changes = append(changes, map[string]any{"op": "remove", "path": "/metadata/" + at + "/" + strings.ReplaceAll(name, "/", "~1")})
			}
		}
	}
	raw, err := json.Marshal(changes)
	if err != nil {
		return invalid(op, "", err)
	}
	_, err = res.Patch(ctx, live.GetName(), types.JSONPatchType, raw, metav1.PatchOptions{FieldManager: manager})
	if changed(err) {
		return &fairlead.Problem{Op: op, Kind: fairlead.KindTransient, Err: err}
	}
	return m.c.problem(op, err)
}

// changed tells the refusal of a patch whose test did not hold from that of one
// whose outcome is not valid, which says what is wrong with which field.
func changed(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsInvalid(err) && errors.As(err, &status) && (status.Status().Details == nil || !slices.ContainsFunc(status.Status().Details.Causes, func(c metav1.StatusCause) bool { return c.Field != "" }))
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
