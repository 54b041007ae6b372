// Package target is the contract between the flow and the places where
// releases run. A target is declarative: the flow says what must be true of
// one service in one environment, the target makes it so and tells what it
// sees. Everything is idempotent, so a step that is repeated changes nothing.
package target

import (
	"context"
	"encoding/json"
	"io"

	"fairlead.dev"
)

// Type is one kind of target. Its value never changes after start-up.
type Type struct {
	Name   string // "process"
	Title  string // one line, lower case, no full stop
	Doc    string // Markdown, embedded from the .md beside the code
	Config any    // a struct value (not a pointer) that holds the defaults
	// Foresee says beforehand what the target does in its own way with a release
	// that moves by these steps, and refuses what it cannot do: KindInvalid. It
	// looks at nothing else. Nil has nothing to say.
	Foresee func(config json.RawMessage, steps []fairlead.Stage) ([]string, error)
	// Ground names what a release with this config takes in the world, so that two
	// places that mean the same are known for one whatever they are called; "" when
	// that cannot be told. Nil where no two places can have the same.
	Ground func(config json.RawMessage) string
}

// Place names what a target is asked about.
type Place struct {
	Environment string `json:"environment"`
	Service     string `json:"service"`
}

// Bundle is a release with all that is needed to verify it before it starts.
type Bundle struct {
	Release  fairlead.Release    `json:"release"`
	Decision fairlead.Evidence   `json:"decision"` // the signed decision that allows it
	Evidence []fairlead.Evidence `json:"evidence"` // of the builds that made its artifacts
}

// Content opens an artifact's bytes.
type Content func(ctx context.Context, d fairlead.Digest) (io.ReadCloser, error)

// Target runs releases. An implementation refuses anything with a fence lower
// than the highest it has seen for the place (KindConflict), and refuses to
// start a release whose bundle it has not verified (KindDenied).
type Target interface {
	// Deliver verifies the bundle for the place and keeps it. Delivering it again
	// is a no-op, and brings back a release that the target has dropped meanwhile.
	Deliver(ctx context.Context, at Place, b Bundle, open Content) error
	// Apply makes desired the wanted state and returns as soon as traffic follows it;
	// replicas start and drain afterwards: see Observe. No weight may rise on a
	// release with nothing ready: KindConflict, or KindNotFound when the release is
	// not there. A weight that stays or falls is always taken, so a release that is
	// down can be replaced, and the state in force is a no-op whatever is ready.
	// What is refused leaves traffic and replicas as they were.
	Apply(ctx context.Context, at Place, desired Desired) error
	// Observe tells what is there now.
	Observe(ctx context.Context, at Place) (Observed, error)
}

// Desired is the wanted state of one service in one environment. A release
// that is not listed is drained and stopped. What concerns one release follows
// the config that is signed with it; what concerns the whole service, such as
// its address, follows that of the release with the most traffic.
type Desired struct {
	Fence    int64           `json:"fence"`
	Config   json.RawMessage `json:"config"` // the target type's config, for releases that have none of their own
	Releases []Wanted        `json:"releases"`
}

// Wanted is the wanted state of one release.
type Wanted struct {
	Release  fairlead.Digest `json:"release"`
	Replicas int             `json:"replicas"`
	Weight   int             `json:"weight"` // percent of traffic; all weights sum to 100 or to 0
}

// Observed is what a target sees.
type Observed struct {
	Fence    int64  `json:"fence"`
	Endpoint string `json:"endpoint"` // base URL of the service: "http://127.0.0.1:8080"
	// Pending says what is left to do before the wanted state is wholly in force,
	// where the target needs to be told again for it to go on: apply the same
	// state until Pending is empty. Traffic follows the wanted state all the while.
	Pending  string     `json:"pending,omitempty"`
	Division *Division  `json:"division,omitempty"` // nil: the weights in force are what the traffic does
	Releases []Instance `json:"releases"`
}

// Division says by what traffic is divided, where the weights in force are what
// that was told and has accepted, and not yet what it was seen to do: whoever
// relies on them measures first.
type Division struct {
	By     string            `json:"by"`     // "HTTPRoute shop"
	Within fairlead.Duration `json:"within"` // how long it may take until it is seen; 0: nobody is to wait for it
}

// Instance is one release as it runs now.
type Instance struct {
	Release  fairlead.Digest `json:"release"`
	Wanted   int             `json:"wanted"` // replicas
	Running  int             `json:"running"`
	Ready    int             `json:"ready"`
	Weight   int             `json:"weight"`            // percent of traffic in force
	Endpoint string          `json:"endpoint"`          // base URL of this release alone, for checks before it takes traffic
	Sample   fairlead.Sample `json:"sample"`            // since the release first ran here
	Problem  *fairlead.Fault `json:"problem,omitempty"` // why it is not ready, when it is known
}

// Find gives the instance of a release.
func (o Observed) Find(release fairlead.Digest) (Instance, bool) {
	for _, i := range o.Releases {
		if i.Release == release {
			return i, true
		}
	}
	return Instance{}, false
}
