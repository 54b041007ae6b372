// Package step is the contract between the flow and the work: one [Type]
// value describes a kind of step completely. The schema, the help, the
// reference page and the contract test all come from that value.
package step

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"reflect"

	"fairlead.dev"
)

// Type is one kind of step. Its value never changes after start-up.
type Type struct {
	Name     string   // "scan.secrets"
	Version  string   // of what does the work, when another one may find something else; part of the content key
	Title    string   // one line, lower case, no full stop
	Doc      string   // Markdown, embedded from the .md beside the code
	Needs    Needs    // what the step needs from its surroundings
	Consumes []string // predicate or media types it reads from earlier tasks
	Produces []string // predicate or media types it leaves
	Config   any      // a struct value (not a pointer) that holds the defaults
	Run      func(ctx context.Context, in In) (Out, error)
}

// Needs says what a step needs from its surroundings.
type Needs struct {
	Workspace  bool // a clean checkout of the commit
	Network    bool // talks to something outside the machine
	Endpoint   bool // a running release to talk to
	Change     bool // looks at which paths the commit changes, so its result depends on them
	Memory     int  // MiB it may take, 0 when small
	Confined   bool // runs in a child process: limited memory, no network, none of the caller's secrets
	Advisories bool // reads the database of vulnerabilities
	Cache      bool // is much faster with what an earlier step of the same service left, see [In]
}

// In is everything a step may use. Anything else is out of its reach.
type In struct {
	Key         string // idempotency key: equal keys must have one effect
	Event       fairlead.Event
	Service     string
	Environment string
	Task        fairlead.Task
	Attempt     int       // from 1
	Config      any       // a value of Type.Config's type, decoded
	Workspace   string    // absolute directory; the artifacts of the tasks needed are in place, see [In.Given]
	Scratch     string    // absolute directory, empty, removed afterwards
	Env         []string  // "NAME=value": the clean environment for commands, complete
	Hide        []string  // absolute directories that commands must not see, but for their working directory
	ReadOnly    []string  // absolute directories that commands must not change, but for their working directory
	Output      io.Writer // the task's stored output; secrets are masked behind it
	Blobs       Blobs     // where artifacts' content goes
	Endpoint    string    // base URL of the release to check; "" when none runs
	Advisories  string    // file of the vulnerability database; "" when there is none
	Cache       string    // absolute directory that later steps of the same service see again; "" when nothing is kept. A result must not depend on it
	Secrets     []string  // values that must not appear in anything the step leaves

	// Confine runs a step type as one that is to be confined: for the part of a
	// step's work that reads what a stranger wrote. Nil where there are no child
	// processes, such as in one.
	Confine func(ctx context.Context, t Type, in In) (Out, error) `json:"-"`
}

// Given is the path of an artifact of the tasks needed.
func (in In) Given(name string) string {
	return filepath.Join(in.Workspace, filepath.FromSlash(name))
}

// Blobs keeps content by digest.
type Blobs interface {
	// Put stores all of r and gives its digest and size in bytes.
	Put(ctx context.Context, r io.Reader) (fairlead.Digest, int64, error)
}

// Outcome is how a step ended when the work could be done.
type Outcome string

// The outcomes. Work that could not be done is an error from Run instead; a
// Problem with a retryable kind is tried again.
const (
	Done    Outcome = "done"
	Skipped Outcome = "skipped" // with a Reason
	Failed  Outcome = "failed"  // the work was done and did not pass, with a Reason
	Waiting Outcome = "waiting" // a human has to act, with a Reason
)

// Out is what a step leaves.
type Out struct {
	Outcome      Outcome
	Reason       string
	Artifacts    []fairlead.Artifact // content already in Blobs
	Cases        []fairlead.TestCase
	Findings     []fairlead.Finding
	Claims       []fairlead.Claim // signed by the caller
	Measurements []fairlead.Measurement
	Partial      bool                 // of a scanner: it looked at a part only, such as what a commit changes
	Missed       []string             // of a partial one: all that it did not look at, relative to the workspace; a folder ends in a slash, "./" is everything. None: it cannot tell
	Advisories   *fairlead.Advisories // the database of vulnerabilities that was used; nil when none was
}

// ConfigOf gives in's config as a T. A step type declares its config as a T
// and the caller decodes into that type, so the assertion holds by
// construction.
func ConfigOf[T any](in In) T { return in.Config.(T) }

// Predicate encodes v as a claim's predicate. A v without JSON encoding is a
// defect of the step and panics.
func Predicate(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("step: predicate: " + err.Error())
	}
	return b
}

// Decode gives raw as a value of the type's config: the defaults, overlaid
// with what raw says. An unknown key is an error.
func Decode(t Type, raw json.RawMessage) (any, error) {
	v := reflect.New(reflect.TypeOf(t.Config))
	v.Elem().Set(reflect.ValueOf(t.Config))
	if len(raw) > 0 {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(v.Interface()); err != nil {
			return nil, fmt.Errorf("config of %s: %w", t.Name, err)
		}
	}
	return v.Elem().Interface(), nil
}
