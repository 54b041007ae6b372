package kubernetes

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fairlead.dev"
)

// share is a release's part of the traffic, and where that goes.
type share struct {
	release fairlead.Digest
	at      workload
	weight  int // percent
}

// shares gives the parts of all releases that run somewhere. Without any weight
// traffic stays as it is: none.
func (m *move) shares() ([]share, *release, error) {
	var out []share
	var heaviest *release
	most := 0
	for _, w := range m.d.Releases {
		at, ok := m.scene.serving(w.Release)
		switch {
		case !ok && w.Weight > 0:
			return nil, nil, conflict("move traffic", "", fmt.Errorf("release %s does not run", w.Release.Short()))
		case !ok:
			continue
		}
		if w.Weight > most {
			heaviest, most = m.releases[w.Release], w.Weight
		}
		out = append(out, share{w.Release, at, w.Weight})
	}
	return out, heaviest, nil
}

// turn makes traffic follow the state: by what the release with most of it says.
func (m *move) turn(ctx context.Context) error {
	shares, heaviest, err := m.shares()
	if err != nil || heaviest == nil {
		return err
	}
	if err := m.know(ctx, heaviest); err != nil {
		return err
	}
	switch heaviest.config.Traffic.mode() {
	case byRoute:
		err = m.turnRoute(ctx, shares, heaviest.config)
	case bySelector:
		err = m.turnSelector(ctx, shares)
	default:
		err = m.turnReplicas(ctx, shares)
	}
	if err != nil {
		return err
	}
	return m.leaveBehind(ctx, shares)
}

// know remembers what traffic goes by, for when no release is there to ask.
func (m *move) know(ctx context.Context, r *release) error {
	route, service := r.config.Traffic.GatewayAPI, r.service.GetName()
	if m.ledger.Route == route && m.ledger.Service == service {
		return nil
	}
	selector, _, _ := unstructured.NestedStringMap(r.service.Object, "spec", "selector")
	m.ledger.Route, m.ledger.Service, m.ledger.Selector = route, service, selector
	return m.ledger.write(ctx, m.c)
}

// leaveBehind remembers which workloads take no traffic from now on.
func (m *move) leaveBehind(ctx context.Context, shares []share) error {
	serves := func(name string) bool {
		return slices.ContainsFunc(shares, func(s share) bool { return s.at.name == name && s.weight > 0 })
	}
	changed := m.scene.home != nil && m.ledger.leave(m.ledger.Home, serves(m.ledger.Home), now())
	for _, o := range m.scene.copies {
		changed = m.ledger.leave(o.GetName(), serves(o.GetName()), now()) || changed
	}
	if !changed {
		return nil
	}
	return m.ledger.write(ctx, m.c)
}

// turnHome gives all traffic to home, whatever that runs.
func (m *move) turnHome(ctx context.Context) error {
	switch {
	case m.ledger.Service == "" || m.scene.home == nil:
		return nil
	case m.ledger.Route != "":
		return m.turnRoute(ctx, nil, m.config)
	}
	return m.point(ctx, m.ledger.Selector)
}

// turnSelector points the Service at the release that has all the traffic.
func (m *move) turnSelector(ctx context.Context, shares []share) error {
	for _, s := range shares {
		switch {
		case s.weight == 100 && s.at.copy:
			return m.point(ctx, m.releases[s.release].copyLabels(m.at))
		case s.weight == 100:
			return m.point(ctx, m.ledger.Selector)
		case s.weight > 0:
			return invalid("move traffic", "use the strategy blue-green, or divide the traffic with gateway-api",
				fmt.Errorf("the selector of Service %s turns all traffic or none, not %d%%", m.ledger.Service, s.weight))
		}
	}
	return nil
}

// point makes the user's Service select these labels and no others, and marks
// it with our fence.
func (m *move) point(ctx context.Context, labels map[string]string) error {
	const op = "turn service"
	for range 10 {
		live, err := m.c.in(services).Get(ctx, m.ledger.Service, metav1.GetOptions{})
		if err != nil {
			return m.c.problem(op, err)
		}
		now, _, _ := unstructured.NestedStringMap(live.Object, "spec", "selector")
		same := within(now, labels) && within(labels, now)
		if same && m.marked(live) {
			return nil
		}
		selector := map[string]any{}
		for k := range now {
			selector[k] = nil
		}
		for k, v := range labels {
			selector[k] = v
		}
		if err := m.guard(ctx); err != nil {
			return err
		}
		_, err = patch(ctx, m.c.in(services), m.change(live, map[string]any{"selector": selector}))
		err = m.c.problem(op, err)
		if same && fairlead.KindOf(err) == fairlead.KindDenied {
			return nil // it is as wanted, and who may not mark it must not be held up
		}
		if fairlead.KindOf(err) != fairlead.KindTransient {
			return err
		}
	}
	return unavailable(op, "", errBusy)
}

// turnReplicas divides the traffic by how many ready pods of each release the
// Service selects: it is pointed at a label of its own, and pods get and lose
// that. Pods of home have it from the beginning, those of a copy never, so
// that pods which come later go to the live release.
func (m *move) turnReplicas(ctx context.Context, shares []share) error {
	for range 10 {
		err := m.turnReplicasOnce(ctx, shares)
		if fairlead.KindOf(err) != fairlead.KindTransient {
			return err
		}
		if err := m.refresh(ctx); err != nil {
			return err
		}
	}
	return unavailable("divide traffic by replicas", "", errBusy)
}

// turnReplicasOnce does so with the pods that were seen last. KindTransient when
// one of them has changed since.
func (m *move) turnReplicasOnce(ctx context.Context, shares []share) error {
	counts := make([]int, len(shares))
	for i, s := range shares {
		counts[i] = len(onlyReady(m.scene.podsOf(tag(s.release), s.at.copy)))
	}
	lit := divide(shares, counts)
	for i, s := range shares { // what is to serve first
		for n, p := range onlyReady(m.scene.podsOf(tag(s.release), s.at.copy)) {
			if n < lit[i] {
				if err := m.light(ctx, p, m.ledger.Service); err != nil {
					return err
				}
			}
		}
	}
	if err := m.point(ctx, map[string]string{labelServing: m.ledger.Service}); err != nil {
		return err
	}
	for i, s := range shares {
		for n, p := range onlyReady(m.scene.podsOf(tag(s.release), s.at.copy)) {
			if n >= lit[i] {
				if err := m.light(ctx, p, ""); err != nil {
					return err
				}
			}
		}
	}
	return m.darkenUnlisted(ctx, shares)
}

// darkenUnlisted takes the traffic from pods of releases that are not wanted.
func (m *move) darkenUnlisted(ctx context.Context, shares []share) error {
	for _, p := range m.scene.pods {
		wanted := slices.ContainsFunc(shares, func(s share) bool { return tag(s.release) == p.Labels[labelRelease] })
		if wanted || p.Labels[labelServing] == "" || p.DeletionTimestamp != nil {
			continue
		}
		if err := m.light(ctx, p, ""); err != nil {
			return err
		}
	}
	return nil
}

// light makes a pod one that the Service selects, or one that it does not.
func (m *move) light(ctx context.Context, p pod, want string) error {
	if p.Labels[labelServing] == want {
		return nil
	}
	if err := m.guard(ctx); err != nil {
		return err
	}
	var value any = want
	if want == "" {
		value = nil
	}
	o := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{
		"name": p.Name, "resourceVersion": p.ResourceVersion, "labels": map[string]any{labelServing: value},
	}}}
	_, err := patch(ctx, m.c.in(pods), o)
	return m.c.problem("divide traffic by replicas", err)
}

// divide says how many of the ready replicas of each share serve, so that the
// parts are as near to the weights as whole replicas allow, with as many as
// possible. Who has weight has one at least, who has none has none.
func divide(shares []share, ready []int) []int {
	best, bestOff, bestSum := make([]int, len(shares)), 101.0, 0
	try := make([]int, len(shares))
	var walk func(i int)
	walk = func(i int) {
		if i < len(shares) {
			low, high := 0, 0
			if shares[i].weight > 0 {
				low, high = min(1, ready[i]), ready[i]
			}
			for n := low; n <= high; n++ {
				try[i] = n
				walk(i + 1)
			}
			return
		}
		sum := 0
		for _, n := range try {
			sum += n
		}
		off := 0.0
		for j, n := range try {
			off = max(off, distance(float64(n)*100/float64(max(sum, 1)), float64(shares[j].weight)))
		}
		if off < bestOff-1e-9 || off < bestOff+1e-9 && sum > bestSum {
			best, bestOff, bestSum = slices.Clone(try), off, sum
		}
	}
	walk(0)
	return best
}

func distance(a, b float64) float64 { return max(a-b, b-a) }
