package kubernetes

import (
	"context"
	"fmt"
	"net"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fairlead.dev"
	"fairlead.dev/target"
)

// Observe tells what is in the cluster now; for a place never heard of, nothing.
func (t *Target) Observe(ctx context.Context, at target.Place) (target.Observed, error) {
	var none target.Observed
	if err := at.Check(); err != nil {
		return none, err
	}
	config, c, err := t.opened(at)
	if err != nil || c == nil {
		return none, err
	}
	l, err := readLedger(ctx, c, at)
	if err != nil {
		return none, err
	}
	s, err := look(ctx, c, at, l.Home)
	if err != nil {
		return none, err
	}
	w := &watch{c: c, at: at, ledger: l, scene: s, measure: config.Traffic.Measure}
	return w.observe(ctx)
}

// watch is one look at a place.
type watch struct {
	c       *cluster
	at      target.Place
	ledger  *ledger
	scene   *scene
	measure fairlead.Duration // how long a division may take to be seen
}

func (w *watch) observe(ctx context.Context) (target.Observed, error) {
	o := target.Observed{Fence: w.ledger.Fence, Pending: w.pending()}
	if len(w.ledger.Desired.Releases) == 0 {
		return o, nil
	}
	weights, err := w.inForce(ctx)
	if err != nil {
		return o, err
	}
	front, err := w.front(ctx, w.ledger.Service)
	if err != nil {
		return o, err
	}
	o.Endpoint = front
	if w.ledger.Route != "" {
		o.Division = &target.Division{By: "HTTPRoute " + w.ledger.Route, Within: w.measure}
	}
	for _, want := range w.ledger.Desired.Releases {
		i, err := w.instance(ctx, want)
		if err != nil {
			return o, err
		}
		if serving, ok := w.scene.serving(want.Release); ok {
			i.Weight = weights[serving.name]
		}
		o.Releases = append(o.Releases, i)
	}
	return o, nil
}

// instance gives one release as it runs.
func (w *watch) instance(ctx context.Context, want target.Wanted) (target.Instance, error) {
	i := target.Instance{Release: want.Release, Wanted: want.Replicas}
	serving, runs := w.scene.serving(want.Release)
	for _, beside := range []bool{true, false} {
		for _, p := range w.scene.podsOf(tag(want.Release), beside) {
			for _, s := range p.Status.Containers {
				i.Sample.Restarts += uint64(max(0, s.RestartCount))
			}
			if p.Status.Phase == "Running" {
				i.Running++
			}
		}
	}
	i.Ready = w.scene.ready(want.Release)
	if serving.copy {
		endpoint, err := w.front(ctx, copyName(w.ledger.Service, want.Release))
		if err != nil {
			return i, err
		}
		i.Endpoint = endpoint
	} else if runs {
		endpoint, err := w.front(ctx, w.ledger.Service)
		if err != nil {
			return i, err
		}
		i.Endpoint = endpoint
	}
	if i.Ready < want.Replicas {
		i.Problem = w.trouble(ctx, want.Release, serving)
	}
	return i, nil
}

// front is the base URL of a Service inside the cluster; "" while it has none.
func (w *watch) front(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	o, err := w.c.in(services).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", w.c.problem("look at service", err)
	}
	host, _, _ := unstructured.NestedString(o.Object, "spec", "clusterIP")
	ports, _, _ := unstructured.NestedSlice(o.Object, "spec", "ports")
	if host == "" || host == "None" || len(ports) == 0 {
		return "", nil
	}
	first, _ := ports[0].(map[string]any)
	port, _ := first["port"].(int64)
	return "http://" + net.JoinHostPort(host, strconv.FormatInt(port, 10)), nil
}

// inForce tells the percentage of traffic that goes to each Deployment.
func (w *watch) inForce(ctx context.Context) (map[string]int, error) {
	out := map[string]int{}
	if w.ledger.Service == "" { // nothing was moved yet: the first release serves as soon as it is ready
		if w.scene.home != nil {
			out[w.ledger.Home] = 100
		}
		return out, nil
	}
	if w.ledger.Route != "" {
		route, err := w.c.in(routes).Get(ctx, w.ledger.Route, metav1.GetOptions{})
		if err != nil {
			return nil, w.c.problem("look at route", err)
		}
		by := routed(route, w.ledger.Service)
		out[w.ledger.Home] = by[w.ledger.Service]
		for _, o := range w.scene.copies {
			out[o.GetName()] = by[w.ledger.Service+"-"+o.GetLabels()[labelRelease]]
		}
		return out, nil
	}
	service, err := w.c.in(services).Get(ctx, w.ledger.Service, metav1.GetOptions{})
	if err != nil {
		return nil, w.c.problem("look at service", err)
	}
	selector, _, _ := unstructured.NestedStringMap(service.Object, "spec", "selector")
	return w.selected(selector), nil
}

// selected divides by the ready pods that a Service selects.
func (w *watch) selected(selector map[string]string) map[string]int {
	counts, sum := map[string]int{}, 0
	for _, p := range w.scene.pods {
		if !p.ready() || !within(selector, p.Labels) {
			continue
		}
		name := w.ledger.Home
		if p.Labels[labelCopy] == "true" {
			if o := w.scene.copies[p.Labels[labelRelease]]; o != nil {
				name = o.GetName()
			}
		}
		counts[name]++
		sum++
	}
	out := map[string]int{}
	for name, n := range counts {
		out[name] = n * 100 / sum
	}
	return out
}

// pending says what is left to do of the wanted state.
func (w *watch) pending() string {
	l, s := w.ledger, w.scene
	if l.Settled || len(l.Desired.Releases) > 1 {
		return ""
	}
	if len(l.Desired.Releases) == 0 {
		if l.Home == "" && len(s.copies) == 0 {
			return ""
		}
		return "what the release had in the cluster is still there"
	}
	alone := l.Desired.Releases[0]
	switch {
	case alone.Weight < 100 || s.home == nil:
		return ""
	case releaseOf(s.home) != tag(alone.Release):
		return fmt.Sprintf("Deployment %s has the release before; the new one serves beside it", l.Home)
	case !whole(s.home) && paused(s.home):
		return fmt.Sprintf("Deployment %s is paused, so it is not updated: kubectl rollout resume deployment %s", l.Home, l.Home)
	case !whole(s.home) && number(s.home, "spec", "replicas") == 0:
		return fmt.Sprintf("Deployment %s is scaled to zero, so traffic stays beside it: scale it up", l.Home)
	case !whole(s.home):
		text := fmt.Sprintf("Deployment %s is updated: %d of %d replicas", l.Home, number(s.home, "status", "updatedReplicas"), number(s.home, "spec", "replicas"))
		if f := refusedPods(s.home); f != nil {
			text += ": " + f.Cause
		}
		return text
	case len(s.copies) > 0:
		return fmt.Sprintf("%d Deployments beside %s have no more traffic and wait to be removed", len(s.copies), l.Home)
	}
	return "objects of the release before are still there"
}
