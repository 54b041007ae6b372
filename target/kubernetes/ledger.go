package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"fairlead.dev/target"
)

var (
	configMaps  = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
	pods        = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	services    = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	events      = schema.GroupVersionResource{Version: "v1", Resource: "events"}
	deployments = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	autoscalers = schema.GroupVersionResource{Group: "autoscaling", Version: "v2", Resource: "horizontalpodautoscalers"}
	routes      = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}
)

// ledger is what the cluster remembers of a place.
type ledger struct {
	Place    target.Place         `json:"place"`
	Fence    int64                `json:"fence"`
	Desired  target.Desired       `json:"desired"`
	Home     string               `json:"home,omitempty"`     // name of the user's Deployment
	Adopted  json.RawMessage      `json:"adopted,omitempty"`  // pod template that home had before us
	Found    bool                 `json:"found,omitempty"`    // home was there before us: it is never deleted
	Made     []reference          `json:"made,omitempty"`     // objects that were not there before us
	Left     map[string]time.Time `json:"left,omitempty"`     // when a workload had the last traffic, by name
	Route    string               `json:"route,omitempty"`    // HTTPRoute that traffic goes by
	Service  string               `json:"service,omitempty"`  // the user's Service
	Selector map[string]string    `json:"selector,omitempty"` // what the user's Service selects by itself
	Weights  map[string]int64     `json:"weights,omitempty"`  // what the user had given home in each rule of the route; -1: nothing
	Rules    []string             `json:"rules,omitempty"`    // of the route, by what they match: those that came with our manifests
	Settled  bool                 `json:"settled,omitempty"`  // Desired is wholly in force

	version string // the ConfigMap's; "" while there is none
}

// reference names an object of the namespace.
type reference struct {
	schema.GroupVersionKind
	Name string
}

func referenceTo(o *unstructured.Unstructured) reference {
	return reference{o.GroupVersionKind(), o.GetName()}
}

// readLedger gives what the cluster remembers; nothing yet is an empty ledger.
func readLedger(ctx context.Context, c *cluster, at target.Place) (*ledger, error) {
	const op = "read state of the place"
	o, err := c.in(configMaps).Get(ctx, ledgerName(at), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return &ledger{Place: at}, nil
	}
	if err != nil {
		return nil, c.problem(op, err)
	}
	state, _, _ := unstructured.NestedString(o.Object, "data", "state")
	l := &ledger{version: o.GetResourceVersion()}
	if err := json.Unmarshal([]byte(state), l); err != nil {
		return nil, invalid(op, "restore ConfigMap "+ledgerName(at)+", or delete it to begin anew", err)
	}
	if l.Place != at {
		return nil, conflict(op, "give the environments namespaces of their own", fmt.Errorf("ConfigMap %s is of %s in %s", ledgerName(at), l.Place.Service, l.Place.Environment))
	}
	return l, nil
}

// write puts the ledger into the cluster if nobody has changed it since it was
// read: otherwise KindTransient.
func (l *ledger) write(ctx context.Context, c *cluster) error {
	const op = "keep state of the place"
	raw, err := json.Marshal(l)
	if err != nil {
		return unavailable(op, "", err)
	}
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"state": string(raw)},
	}}
	o.SetName(ledgerName(l.Place))
	o.SetLabels(map[string]string{labelPlace: key(l.Place), "app.kubernetes.io/managed-by": manager})
	var got *unstructured.Unstructured
	if l.version == "" {
		got, err = c.in(configMaps).Create(ctx, o, metav1.CreateOptions{FieldManager: manager})
	} else {
		o.SetResourceVersion(l.version)
		got, err = patch(ctx, c.in(configMaps), o)
	}
	if err != nil {
		return c.problem(op, err)
	}
	l.version = got.GetResourceVersion()
	return nil
}

// patch changes what o says of an object that is there, if its resource
// version is the one that o has.
func patch(ctx context.Context, in dynamic.ResourceInterface, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	return in.Patch(ctx, o.GetName(), types.MergePatchType, raw, metav1.PatchOptions{FieldManager: mover})
}

// take makes d the wanted state in the ledger, or tells that somebody with a
// higher fence has the place.
func (l *ledger) take(d target.Desired) (again bool, err error) {
	if d.Fence < l.Fence {
		return false, outrun(d.Fence, l.Fence)
	}
	again = same(d, l.Desired)
	l.Fence, l.Desired = d.Fence, d
	if !again {
		l.Settled = false
	}
	return again, nil
}

func outrun(fence, seen int64) error {
	return conflict("apply desired state", "a newer deployment holds the environment", fmt.Errorf("fence %d is lower than %d, which was seen before", fence, seen))
}

// same tells whether two desired states want the same of every release.
func same(a, b target.Desired) bool {
	wanted := func(d target.Desired) map[string]target.Wanted {
		m := map[string]target.Wanted{}
		for _, w := range d.Releases {
			m[tag(w.Release)] = w
		}
		return m
	}
	return maps.Equal(wanted(a), wanted(b))
}

// guard tells whether our fence is still the highest. It is asked between
// reading an object and writing it.
func (m *move) guard(ctx context.Context) error {
	now, err := readLedger(ctx, m.c, m.at)
	if err != nil {
		return err
	}
	if now.Fence > m.d.Fence {
		return outrun(m.d.Fence, now.Fence)
	}
	return nil
}

// made remembers an object that was not there before us.
func (l *ledger) made(r reference) bool {
	if slices.Contains(l.Made, r) {
		return false
	}
	l.Made = append(l.Made, r)
	return true
}

// leave remembers which workloads have no traffic from now on, and forgets
// those that have some.
func (l *ledger) leave(name string, serves bool, now time.Time) (changed bool) {
	_, gone := l.Left[name]
	switch {
	case serves && gone:
		delete(l.Left, name)
	case !serves && !gone:
		if l.Left == nil {
			l.Left = map[string]time.Time{}
		}
		l.Left[name] = now
	default:
		return false
	}
	return true
}

// drained tells whether a workload has had no traffic for so long.
func (l *ledger) drained(name string, drain time.Duration, now time.Time) bool {
	since, ok := l.Left[name]
	return ok && now.Sub(since) >= drain
}

// errBusy is what the last try of a write says when others kept writing.
var errBusy = errors.New("somebody else keeps changing it")
