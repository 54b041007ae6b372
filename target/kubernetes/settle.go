package kubernetes

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"fairlead.dev/target"
)

// settle does what is left of a state that traffic follows already: it gives
// home the template of the release that is alone, and removes the copies that
// nobody wants, each once it has had no traffic for the time to drain.
func (m *move) settle(ctx context.Context) error {
	if m.ledger.Settled {
		return nil
	}
	if alone, ok := m.alone(); ok {
		done, err := m.promote(ctx, alone)
		if err != nil || !done {
			return err
		}
	}
	left, err := m.tidy(ctx)
	if err != nil || left {
		return err
	}
	if alone, ok := m.alone(); ok {
		if err := m.prune(ctx, m.releases[alone.Release]); err != nil {
			return err
		}
	}
	m.ledger.Settled = true
	return m.ledger.write(ctx, m.c)
}

// alone gives the only release that is wanted, when it has all the traffic.
func (m *move) alone() (target.Wanted, bool) {
	if len(m.d.Releases) == 1 && m.d.Releases[0].Weight == 100 {
		return m.d.Releases[0], true
	}
	return target.Wanted{}, false
}

// promote brings a release home: true when it is there and serves.
func (m *move) promote(ctx context.Context, w target.Wanted) (bool, error) {
	r := m.releases[w.Release]
	if releaseOf(m.scene.home) == tag(w.Release) {
		serving, ok := m.scene.serving(w.Release)
		return ok && !serving.copy && whole(m.scene.home), nil
	}
	if !m.ledger.drained(m.ledger.Home, r.config.Drain.D(), now()) {
		return false, nil
	}
	for _, o := range r.rest {
		if err := m.put(ctx, o); err != nil {
			return false, err
		}
	}
	replicas, err := m.replicas(ctx, r, w.Replicas)
	if err != nil {
		return false, err
	}
	return false, m.put(ctx, r.homeObject(m.at, replicas))
}

// tidy removes the copies that serve nothing any more: true when some are left.
func (m *move) tidy(ctx context.Context) (left bool, err error) {
	for _, hash := range sorted(m.scene.copies) {
		o := m.scene.copies[hash]
		if m.needs(hash) {
			continue
		}
		if !m.ledger.drained(o.GetName(), m.config.Drain.D(), now()) {
			left = true
			continue
		}
		if err := m.removeCopy(ctx, o); err != nil {
			return true, err
		}
	}
	return left, m.sweep(ctx)
}

// needs tells whether the copy of a release is where that runs.
func (m *move) needs(hash string) bool {
	for _, w := range m.d.Releases {
		if tag(w.Release) == hash {
			serving, ok := m.scene.serving(w.Release)
			return ok && serving.copy
		}
	}
	return false
}

// removeCopy removes a copy. What is its own is swept up then.
func (m *move) removeCopy(ctx context.Context, o *unstructured.Unstructured) error {
	if err := m.remove(ctx, reference{o.GroupVersionKind(), o.GetName()}); err != nil {
		return err
	}
	delete(m.scene.copies, o.GetLabels()[labelRelease])
	delete(m.ledger.Left, o.GetName())
	return nil
}

// sweep removes the Services of copies that are not there: removed, or never
// made because whoever began to was stopped.
func (m *move) sweep(ctx context.Context) error {
	all, err := m.c.in(services).List(ctx, metav1.ListOptions{LabelSelector: labelPlace + "=" + key(m.at) + "," + labelCopy + "=true"})
	if err != nil {
		return m.c.problem("remove Services of copies", err)
	}
	for _, s := range all.Items {
		if m.scene.copies[s.GetLabels()[labelRelease]] != nil {
			continue
		}
		if err := m.remove(ctx, reference{schema.GroupVersionKind{Version: "v1", Kind: "Service"}, s.GetName()}); err != nil {
			return err
		}
	}
	return nil
}

// prune applies what traffic goes by as the manifests have it, and removes what
// we made for an earlier release and this one has no more.
func (m *move) prune(ctx context.Context, r *release) error {
	keep := []reference{referenceTo(r.home), referenceTo(r.service)}
	if err := m.put(ctx, r.service); err != nil {
		return err
	}
	if r.route != nil {
		keep = append(keep, referenceTo(r.route))
		if err := m.put(ctx, r.route); err != nil {
			return err
		}
	}
	for _, o := range r.rest {
		keep = append(keep, referenceTo(o))
		if err := m.put(ctx, o); err != nil {
			return err
		}
	}
	var left []reference
	for _, made := range m.ledger.Made {
		if slices.Contains(keep, made) {
			left = append(left, made)
			continue
		}
		if err := m.remove(ctx, made); err != nil {
			return err
		}
	}
	m.ledger.Made = left
	return nil
}
