// Package steptest is the contract that every step type is tested against. A
// step type's own test is one call of [Run] with its cases.
package steptest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/step"
)

// Case is one use of a step type.
type Case struct {
	Name     string
	Config   any                                          // of the type's config; nil: its defaults
	Files    map[string]string                            // content by path; laid over Testdata
	Testdata string                                       // folder below testdata copied into the workspace; "" for none
	Prepare  func(t *testing.T, in *step.In)              // changes what the step is given; nil for nothing
	Want     step.Outcome                                 // when the work can be done
	Kind     fairlead.Kind                                // when it cannot
	Check    func(t *testing.T, in step.In, out step.Out) // what else must hold; nil for nothing
	Stop     bool                                         // it runs until it is cancelled
}

// promptly is within what time a cancelled step must return.
const promptly = 2 * time.Second

// Run holds a step type against the contract: its description is complete, its
// config is strict, and in every case its output is well-formed, holds no
// secret, and is the same when the step is done again.
func Run(t *testing.T, typ step.Type, cases ...Case) {
	t.Helper()
	t.Run("description", func(t *testing.T) { describe(t, typ) })
	t.Run("config", func(t *testing.T) { config(t, typ) })
	if len(cases) == 0 {
		t.Error("a step type is tested with at least one case")
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { c.run(t, typ) })
		if !c.Stop {
			t.Run(c.Name+"/cancelled", func(t *testing.T) { c.cancelled(t, typ) })
		}
	}
}

func (c Case) run(t *testing.T, typ step.Type) {
	if c.Stop {
		c.stopped(t, typ)
		return
	}
	in, blobs := c.in(t, typ)
	before := in
	first, err := typ.Run(t.Context(), in)
	if fairlead.KindOf(err) != c.Kind {
		t.Fatalf("error %v of kind %q, want kind %q", err, fairlead.KindOf(err), c.Kind)
	}
	if err != nil {
		problem(t, err)
		return
	}
	if first.Outcome != c.Want {
		t.Fatalf("outcome %s (%s), want %s; output:\n%s", first.Outcome, first.Reason, c.Want, blobs.output())
	}
	check(t, typ, in, first, blobs)
	if c.Check != nil {
		c.Check(t, in, first)
	}
	if !reflect.DeepEqual(before.Config, in.Config) {
		t.Error("the step changed its config")
	}
	kept := blobs.list(t)
	in.Attempt++
	second, err := typ.Run(t.Context(), in)
	if err != nil {
		t.Fatalf("done again with the same key: %v", err)
	}
	same(t, first, second)
	if again := blobs.list(t); !slices.Equal(kept, again) {
		t.Errorf("done again with the same key, other content was kept: %v, then %v", kept, again)
	}
}

// same checks what must not differ when a step is done again. Durations may.
func same(t *testing.T, first, second step.Out) {
	t.Helper()
	if first.Outcome != second.Outcome {
		t.Errorf("done again with the same key, the outcome is %s, not %s", second.Outcome, first.Outcome)
	}
	if !reflect.DeepEqual(first.Artifacts, second.Artifacts) {
		t.Errorf("done again with the same key, the artifacts are %v, not %v", second.Artifacts, first.Artifacts)
	}
	if !reflect.DeepEqual(first.Findings, second.Findings) {
		t.Errorf("done again with the same key, the findings are %v, not %v", second.Findings, first.Findings)
	}
	if len(first.Claims) != len(second.Claims) || len(first.Cases) != len(second.Cases) {
		t.Errorf("done again with the same key, there are %d claims and %d cases, not %d and %d",
			len(second.Claims), len(second.Cases), len(first.Claims), len(first.Cases))
	}
}

// cancelled runs a step that was cancelled before it began.
func (c Case) cancelled(t *testing.T, typ step.Type) {
	in, _ := c.in(t, typ)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	_, err := typ.Run(ctx, in)
	if took := time.Since(start); took > promptly {
		t.Errorf("a step that was cancelled returned after %s", took)
	}
	// A step that needs no time may be done before it looks.
	if err != nil && fairlead.KindOf(err) != fairlead.KindCancelled && fairlead.KindOf(err) != c.Kind && !errors.Is(err, context.Canceled) {
		t.Errorf("a step that was cancelled ended with %v of kind %q", err, fairlead.KindOf(err))
	}
}

// stopped cancels a step that would not end by itself.
func (c Case) stopped(t *testing.T, typ step.Type) {
	in, _ := c.in(t, typ)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const delay = 300 * time.Millisecond
	start := time.Now()
	time.AfterFunc(delay, cancel)
	_, err := typ.Run(ctx, in)
	switch took := time.Since(start); {
	case took < delay:
		t.Fatalf("the step ended before it was cancelled: %v", err)
	case took > delay+promptly:
		t.Errorf("the step ended %s after it was cancelled", took-delay)
	}
	if fairlead.KindOf(err) != fairlead.KindCancelled {
		t.Errorf("the step ended with %v of kind %q, want %q", err, fairlead.KindOf(err), fairlead.KindCancelled)
	}
}

// in makes what the case's step is given.
func (c Case) in(t *testing.T, typ step.Type) (step.In, *blobs) {
	t.Helper()
	in := In(t, typ, c.Files)
	if c.Testdata != "" {
		src := filepath.Join("testdata", filepath.FromSlash(c.Testdata))
		if err := os.CopyFS(in.Workspace, os.DirFS(src)); err != nil {
			t.Fatalf("copy %s: %v", src, err)
		}
	}
	if c.Config != nil {
		if reflect.TypeOf(c.Config) != reflect.TypeOf(typ.Config) {
			t.Fatalf("the case's config is a %T, want a %T", c.Config, typ.Config)
		}
		in.Config = c.Config
	}
	if c.Prepare != nil {
		c.Prepare(t, &in)
	}
	return in, in.Blobs.(*blobs)
}
