package kubernetes

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fairlead.dev"
)

// ownRef is how a backend of ours is named: the user's Service and a release.
var ownRef = regexp.MustCompile(`^(.+)-[0-9a-f]{10}$`)

// turnRoute divides the traffic by the weights of the route, in the rules that
// lead to the user's Service and in no others, and waits until a gateway says
// that it has the new ones.
func (m *move) turnRoute(ctx context.Context, shares []share, c Config) error {
	const op = "move traffic"
	weights := map[string]int{}
	for _, s := range shares {
		if s.at.copy && s.weight > 0 {
			weights[copyName(m.ledger.Service, s.release)] = s.weight
		}
	}
	for range 10 {
		live, err := m.c.in(routes).Get(ctx, m.ledger.Route, metav1.GetOptions{})
		if err != nil {
			return m.c.problem(op, err)
		}
		before := fairlead.DigestJSON(live.Object["spec"])
		known := len(m.ledger.Weights)
		if err := m.weigh(live, weights); err != nil {
			return err
		}
		same := fairlead.DigestJSON(live.Object["spec"]) == before
		if same && m.marked(live) {
			return m.accepted(ctx, live, c.Traffic.Accept.D())
		}
		if len(m.ledger.Weights) != known {
			if err := m.ledger.write(ctx, m.c); err != nil {
				return err
			}
		}
		if err := m.guard(ctx); err != nil {
			return err
		}
		rules, _, _ := unstructured.NestedFieldNoCopy(live.Object, "spec", "rules")
		written, err := patch(ctx, m.c.in(routes), m.change(live, map[string]any{"rules": rules}))
		if err == nil {
			return m.accepted(ctx, written, c.Traffic.Accept.D())
		}
		err = m.c.problem(op, err)
		if same && fairlead.KindOf(err) == fairlead.KindDenied {
			return m.accepted(ctx, live, c.Traffic.Accept.D()) // who may not mark it must not be held up
		}
		if fairlead.KindOf(err) != fairlead.KindTransient {
			return err
		}
	}
	return unavailable(op, "", errBusy)
}

// weigh writes the weights of our backends into a route.
func (m *move) weigh(route *unstructured.Unstructured, weights map[string]int) error {
	rules, _, _ := unstructured.NestedFieldNoCopy(route.Object, "spec", "rules")
	list, _ := rules.([]any)
	led := false
	for _, r := range list {
		rule, _ := r.(map[string]any)
		refs, _ := rule["backendRefs"].([]any)
		i := slices.IndexFunc(refs, func(ref any) bool { return m.leadsTo(ref, m.ledger.Service) })
		if i < 0 {
			continue
		}
		led = true
		next, err := m.split(rule, refs, i, weights)
		if err != nil {
			return err
		}
		rule["backendRefs"] = next
	}
	if !led {
		return invalid("move traffic", "give one of its rules the Service as backend",
			fmt.Errorf("HTTPRoute %s leads nowhere to Service %s", m.ledger.Route, m.ledger.Service))
	}
	return nil
}

// leadsTo tells whether a backend is the Service of that name beside the route.
func (m *move) leadsTo(ref any, service string) bool {
	r, _ := ref.(map[string]any)
	kind, _ := r["kind"].(string)
	group, _ := r["group"].(string)
	namespace, _ := r["namespace"].(string)
	return r["name"] == service && (kind == "" || kind == "Service") && group == "" && (namespace == "" || namespace == m.c.namespace)
}

// split divides among home and our backends what the user gave to home, the
// i-th backend of a rule. What others have stays, and so does their part.
func (m *move) split(rule map[string]any, refs []any, i int, weights map[string]int) ([]any, error) {
	home, _ := refs[i].(map[string]any)
	var foreign, next []any
	for j, ref := range refs {
		r, _ := ref.(map[string]any)
		name, _ := r["name"].(string)
		if ours := ownRef.FindStringSubmatch(name); j != i && (ours == nil || ours[1] != m.ledger.Service) {
			foreign = append(foreign, ref)
		}
	}
	given, err := m.given(rule, home, weights, len(foreign) > 0)
	if err != nil {
		return nil, err
	}
	rest := given
	for _, w := range weights {
		rest -= given * int64(w) / 100
	}
	for j, ref := range refs {
		switch {
		case j == i:
			next = append(next, m.backend(home, m.ledger.Service, rest, len(weights) == 0))
			for _, name := range sorted(weights) {
				next = append(next, m.backend(home, name, given*int64(weights[name])/100, false))
			}
		case slices.ContainsFunc(foreign, func(f any) bool { return sameRef(f, ref) }):
			next = append(next, ref)
		}
	}
	return next, nil
}

func sameRef(a, b any) bool { return fairlead.DigestJSON(a) == fairlead.DigestJSON(b) }

// given is the weight that is divided in a rule: 100 where home is alone in it,
// and what the user gave to home where it is not.
func (m *move) given(rule, home map[string]any, weights map[string]int, shared bool) (int64, error) {
	name := fairlead.DigestJSON(rule["matches"]).Hex()[:10]
	first, known := m.ledger.Weights[name]
	if !known {
		first = -1 // none, which stands for one
		if w, ok := home["weight"].(int64); ok {
			first = w
		}
		if m.ledger.Weights == nil {
			m.ledger.Weights = map[string]int64{}
		}
		m.ledger.Weights[name] = first
	}
	if len(weights) == 0 || !shared {
		if len(weights) == 0 {
			return first, nil
		}
		return 100, nil
	}
	first = max(first, 1)
	for _, w := range weights {
		if first*int64(w)%100 != 0 {
			return 0, invalid("move traffic", "give its backends weights that are multiples of 100", fmt.Errorf(
				"HTTPRoute %s divides a rule between Service %s and others, and its weight of %d cannot be split at %d%%", m.ledger.Route, m.ledger.Service, first, w))
		}
	}
	return first, nil
}

// backend is a backend like home, with another name and weight. As the user
// had it, a weight below zero is none.
func (m *move) backend(home map[string]any, name string, weight int64, original bool) map[string]any {
	out := (&unstructured.Unstructured{Object: home}).DeepCopy().Object
	out["name"] = name
	out["weight"] = weight
	if original && weight < 0 {
		delete(out, "weight")
	}
	return out
}

// accepted waits until a gateway says that it goes by the route as it is now.
func (m *move) accepted(ctx context.Context, route *unstructured.Unstructured, limit time.Duration) error {
	const op = "move traffic"
	for began := time.Now(); ; {
		done, err := acceptedBy(route, route.GetGeneration())
		if done || err != nil {
			return err
		}
		if time.Since(began) > limit {
			return unavailable(op, "does a gateway controller run, and do the route's parentRefs name its gateway?",
				fmt.Errorf("no gateway has accepted HTTPRoute %s within %s", route.GetName(), limit))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		next, err := m.c.in(routes).Get(ctx, route.GetName(), metav1.GetOptions{})
		if err != nil {
			return m.c.problem(op, err)
		}
		next.SetGeneration(max(route.GetGeneration(), next.GetGeneration()))
		route = next
	}
}

// acceptedBy tells whether every gateway that the route names has taken its
// generation. One that refuses it is KindDenied. What is said for others, such
// as by a controller that is gone, counts for nothing.
func acceptedBy(route *unstructured.Unstructured, generation int64) (bool, error) {
	refs, _, _ := unstructured.NestedFieldNoCopy(route.Object, "spec", "parentRefs")
	said, _, _ := unstructured.NestedFieldNoCopy(route.Object, "status", "parents")
	all := len(objectsIn(refs)) > 0
	for _, ref := range objectsIn(refs) {
		yes := false
		for _, parent := range objectsIn(said) {
			of, _ := parent["parentRef"].(map[string]any)
			if parentKey(of, route.GetNamespace()) != parentKey(ref, route.GetNamespace()) {
				continue
			}
			for _, condition := range objectsIn(parent["conditions"]) {
				seen, _ := condition["observedGeneration"].(int64)
				if condition["type"] != "Accepted" || seen < generation {
					continue
				}
				if condition["status"] == "False" {
					return false, denied("move traffic", "correct the route", fmt.Errorf("a gateway refused HTTPRoute %s: %v: %v", route.GetName(), condition["reason"], condition["message"]))
				}
				yes = yes || condition["status"] == "True"
			}
		}
		all = all && yes
	}
	return all, nil
}

// parentKey names what a route belongs to, whether or not what was left out has
// been filled in.
func parentKey(ref map[string]any, namespace string) fairlead.Digest {
	return fairlead.DigestJSON(filled(ref, map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": namespace}))
}

// routed tells the percentages by which a route divides between a Service and
// those of ours beside it, by name: as its first rule that leads there has it.
func routed(route *unstructured.Unstructured, service string) map[string]int {
	rules, _, _ := unstructured.NestedSlice(route.Object, "spec", "rules")
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		refs, _ := rule["backendRefs"].([]any)
		weights, sum := map[string]int64{}, int64(0)
		for _, ref := range refs {
			b, _ := ref.(map[string]any)
			name, _ := b["name"].(string)
			if ours := ownRef.FindStringSubmatch(name); name != service && (ours == nil || ours[1] != service) {
				continue
			}
			weight, ok := b["weight"].(int64)
			if !ok {
				weight = 1
			}
			weights[name] = weight
			sum += weight
		}
		if _, ok := weights[service]; !ok || sum == 0 {
			continue
		}
		out := map[string]int{}
		for name, weight := range weights {
			out[name] = int(weight * 100 / sum)
		}
		return out
	}
	return nil
}
