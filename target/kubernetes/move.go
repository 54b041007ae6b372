package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fairlead.dev"
	"fairlead.dev/target"
)

// move is one wanted state on its way into the cluster.
type move struct {
	t        *Target
	c        *cluster
	at       target.Place
	d        target.Desired
	config   Config                       // of the state
	releases map[fairlead.Digest]*release // without one that lost its traffic and cannot be read any more
	ledger   *ledger
	scene    *scene
	again    bool // the state was wanted before: what is left of it is done now
}

// apply takes the state on and brings the cluster towards it: traffic goes
// first, then what is to serve later is started, then what is left is stopped.
func (m *move) apply(ctx context.Context) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	if len(m.d.Releases) == 0 {
		return m.clear(ctx)
	}
	if m.scene.home == nil {
		if err := m.found(ctx); err != nil {
			return err
		}
	}
	// Whoever gets more traffic is ready, so traffic needs to wait for nothing.
	if err := m.turn(ctx); err != nil {
		return err
	}
	if err := m.seal(ctx); err != nil {
		return err
	}
	if err := m.raise(ctx); err != nil {
		return err
	}
	if err := m.lower(ctx); err != nil {
		return err
	}
	if m.again {
		return m.settle(ctx)
	}
	return nil
}

// begin writes the wanted state into the ledger, unless it may not be wanted.
// Whoever comes with a higher fence holds the place from here on, even if what
// was wanted is refused.
func (m *move) begin(ctx context.Context) error {
	for range 10 {
		l, err := readLedger(ctx, m.c, m.at)
		if err != nil {
			return err
		}
		before := l.Desired
		again, err := l.take(m.d)
		if err != nil {
			return err
		}
		m.ledger, m.again = l, again
		refused := m.prepare(ctx, before)
		if refused != nil {
			l.Desired, l.Settled = before, false
		}
		err = l.write(ctx, m.c)
		if fairlead.KindOf(err) == fairlead.KindTransient {
			continue
		}
		if err != nil && (refused == nil || fairlead.KindOf(err) == fairlead.KindInvalid) { // as when the namespace is gone
			return err
		}
		return refused
	}
	return unavailable("keep state of the place", "", errBusy)
}

// prepare reads what the state needs, and refuses to raise the weight of a
// release with nothing ready.
func (m *move) prepare(ctx context.Context, before target.Desired) error {
	now := map[fairlead.Digest]int{}
	for _, w := range before.Releases {
		now[w.Release] = w.Weight
	}
	for _, w := range m.d.Releases {
		r, err := m.t.load(ctx, m.c, m.at, w.Release)
		if _, was := now[w.Release]; err != nil && was && w.Weight == 0 {
			continue // nothing of it is started, and it must not hold up the way back
		}
		if err != nil {
			return err
		}
		m.releases[w.Release] = r
		name := r.home.GetName()
		if m.ledger.Home != "" && m.ledger.Home != name {
			return invalid("apply desired state", "keep the Deployment's name, or take the old release down first",
				fmt.Errorf("the live Deployment is %s, release %s has %s", m.ledger.Home, w.Release.Short(), name))
		}
		m.ledger.Home = name
	}
	var err error
	if m.scene, err = look(ctx, m.c, m.at, m.ledger.Home); err != nil {
		return err
	}
	if m.scene.home != nil {
		if err := ourPlace(m.scene.home, m.at); err != nil {
			return err
		}
	}
	for _, w := range m.d.Releases {
		if w.Weight > now[w.Release] && m.scene.ready(w.Release) == 0 {
			return conflict("apply desired state", "start it with the weight it has and wait until it is ready",
				fmt.Errorf("release %s would get %d%% of the traffic but has no ready replica", w.Release.Short(), w.Weight))
		}
	}
	return nil
}

// found makes everything of the first release: the one with most of the traffic.
func (m *move) found(ctx context.Context) error {
	first := slices.MaxFunc(m.d.Releases, func(a, b target.Wanted) int { return cmp.Compare(a.Weight, b.Weight) })
	r := m.releases[first.Release]
	for _, o := range slices.Concat(r.rest, []*unstructured.Unstructured{r.service, r.route}) {
		if o != nil {
			if err := m.put(ctx, o); err != nil {
				return err
			}
		}
	}
	replicas, err := m.replicas(ctx, r, first.Replicas)
	if err != nil {
		return err
	}
	if err := m.put(ctx, r.homeObject(m.at, replicas)); err != nil {
		return err
	}
	return m.refresh(ctx)
}

// replicas is the number that we say for home: below zero where somebody else says it.
func (m *move) replicas(ctx context.Context, r *release, wanted int) (int, error) {
	scaled, err := m.autoscaled(ctx, r)
	if scaled {
		return -1, err
	}
	return wanted, err
}

// raise starts what the state wants and scales up. Nothing is scaled down here.
func (m *move) raise(ctx context.Context) error {
	changed := false
	for _, w := range m.d.Releases {
		r := m.releases[w.Release]
		if r == nil {
			continue
		}
		atHome := m.scene.home != nil && releaseOf(m.scene.home) == tag(w.Release)
		beside := m.scene.copies[tag(w.Release)]
		if atHome && (beside == nil || whole(m.scene.home)) {
			if number(m.scene.home, "spec", "replicas") < w.Replicas {
				changed = true
				if err := m.scaleHome(ctx, r, w.Replicas); err != nil {
					return err
				}
			}
			continue
		}
		replicas, err := m.strength(ctx, r, w.Replicas)
		if err != nil {
			return err
		}
		if beside != nil && number(beside, "spec", "replicas") >= replicas {
			continue
		}
		changed = true
		if err := m.start(ctx, r, replicas); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return m.refresh(ctx)
}

// start runs a release beside home, with what it needs that is not there yet.
// What is there already belongs to the live release until that is replaced.
func (m *move) start(ctx context.Context, r *release, replicas int) error {
	for _, o := range r.rest {
		if scales(o, r.home.GetName()) {
			continue
		}
		if err := m.putNew(ctx, o); err != nil {
			return err
		}
	}
	if err := m.put(ctx, r.copyService(m.at)); err != nil {
		return err
	}
	return m.put(ctx, r.copyObject(m.at, replicas))
}

// strength is how many replicas the copy of a release runs: as many as wanted,
// or as home has where an autoscaler says how many that is.
func (m *move) strength(ctx context.Context, r *release, wanted int) (int, error) {
	scaled, err := m.autoscaled(ctx, r)
	if err != nil || !scaled || m.scene.home == nil {
		return wanted, err
	}
	return max(wanted, number(m.scene.home, "spec", "replicas")), nil
}

// autoscaled tells whether somebody else says how many replicas home has.
func (m *move) autoscaled(ctx context.Context, r *release) (bool, error) {
	if r.scaled {
		return true, nil
	}
	all, err := m.c.in(autoscalers).List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, m.c.problem("look for autoscalers", err)
	}
	for i := range all.Items {
		if scales(&all.Items[i], r.home.GetName()) {
			r.scaled = true
			return true, nil
		}
	}
	return false, nil
}

// scaleHome changes how many replicas home has, unless that is not ours to say.
func (m *move) scaleHome(ctx context.Context, r *release, replicas int) error {
	scaled, err := m.autoscaled(ctx, r)
	if err != nil || scaled {
		return err
	}
	return m.put(ctx, r.homeObject(m.at, replicas))
}

// lower scales down what has more replicas than wanted, once its traffic is
// what was wanted.
func (m *move) lower(ctx context.Context) error {
	for _, w := range m.d.Releases {
		r := m.releases[w.Release]
		if r == nil {
			continue
		}
		if m.scene.home != nil && releaseOf(m.scene.home) == tag(w.Release) && number(m.scene.home, "spec", "replicas") > w.Replicas {
			if err := m.scaleHome(ctx, r, w.Replicas); err != nil {
				return err
			}
		}
		beside := m.scene.copies[tag(w.Release)]
		replicas, err := m.strength(ctx, r, w.Replicas)
		if err != nil {
			return err
		}
		if beside != nil && number(beside, "spec", "replicas") > replicas {
			if err := m.put(ctx, r.copyObject(m.at, replicas)); err != nil {
				return err
			}
		}
	}
	return nil
}

// refresh reads the scene anew.
func (m *move) refresh(ctx context.Context) error {
	s, err := look(ctx, m.c, m.at, m.ledger.Home)
	if err == nil {
		m.scene = s
	}
	return err
}

func now() time.Time { return time.Now().UTC() }
