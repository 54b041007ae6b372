// Package scan runs the engines of every scanner class over a tree in one go:
// what a run does as tasks of a commit, done by hand for files as they are. The
// engines are the step types; each runs in a child process of its own.
package scan

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/step"
)

// Confine runs a step type in a child process.
type Confine func(ctx context.Context, t step.Type, in step.In) (step.Out, error)

// Job is a tree, an image or a running service to be scanned.
type Job struct {
	Source     Source
	Subject    string // what people call it: a path or a reference
	Service    string
	Event      fairlead.Event            // of the commit that the files are based on; empty outside of git
	Only       []string                  // words of engines; empty: all
	Advisories string                    // file of the vulnerability database; "" when there is none
	Cache      string                    // absolute directory that engines keep things in that make later scans of the tree faster; "" for none
	Hide       []string                  // absolute directories that no engine may see
	Image      string                    // path of an image in the source; "": the source is a tree
	Platform   string                    // of the image, "" for the usual one
	Endpoint   string                    // base URL of a running service; "": the source is a tree or an image
	Base       []string                  // digests of the base image's layers, or scratch; empty when it is not known
	Limit      time.Duration             // for each engine
	Reports    []string                  // absolute paths of what other scanners reported, read beside the engines
	Settings   map[string]map[string]any // keys of step types, by type, as a configuration has them
}

// Result is how one engine ended.
type Result struct {
	Engine     string               `json:"engine"` // word: "sca"
	Type       string               `json:"type"`   // step type: "scan.sca"
	Version    string               `json:"version,omitempty"`
	Result     fairlead.Result      `json:"result"`
	Reason     string               `json:"reason,omitempty"`
	Fault      *fairlead.Fault      `json:"fault,omitempty"`
	Findings   int                  `json:"findings"`
	Seconds    float64              `json:"seconds"`
	Partial    bool                 `json:"partial,omitempty"`
	Advisories *fairlead.Advisories `json:"advisories,omitempty"`

	found     []fairlead.Finding
	artifacts []fairlead.Artifact
}

// Files is the word of a result about files that no engine could be shown.
const Files = "files"

// Found is what the engine found.
func (r Result) Found() []fairlead.Finding { return r.found }

// Runner runs engines.
type Runner struct {
	Types   []step.Type
	Confine Confine
	Dir     string // absolute directory for copies and scratch, removed by the caller
	Output  io.Writer
	Said    func(Result) // told each engine's end, one at a time; may be nil
}

// Run copies the tree and runs the engines over the copy, two at a time where
// there are processors, in the order of [Engines]. An engine that fails does not
// stop the others: its result says so, and so does one more about files that
// could not be read. The error is for what stops them all.
func (r Runner) Run(ctx context.Context, j Job) ([]Result, error) {
	wanted, err := r.choose(j)
	if err != nil {
		return nil, err
	}
	reports, err := r.reports(ctx, j)
	if err != nil {
		return nil, err
	}
	wanted = append(wanted, reports...)
	workspace := filepath.Join(r.Dir, "src")
	left, err := j.Source.copyTo(ctx, workspace)
	if err != nil {
		return nil, err
	}
	kept := &shelf{dir: filepath.Join(r.Dir, "blobs")}
	if err := os.MkdirAll(kept.dir, 0o700); err != nil {
		return nil, unavailable("scan", err)
	}
	w := &work{Runner: r, job: j, workspace: workspace, shelf: kept}
	results := make([]Result, len(wanted))
	// Those that need nothing go first: what others leave is no part of the tree for them.
	for _, needy := range []bool{false, true} {
		if err := w.stage(ctx, wanted, results, needy); err != nil {
			return nil, err
		}
	}
	if left.first != "" { // what no engine saw may hold anything
		results = append(results, Result{Engine: Files, Result: fairlead.ResultFailure, Reason: left.String(), Partial: true})
		if r.Said != nil {
			r.Said(results[len(results)-1])
		}
	}
	return results, nil
}

// work is one scan on its way.
type work struct {
	Runner
	job       Job
	workspace string
	shelf     *shelf
	mu        sync.Mutex
}

// stage runs the engines that need what others leave, or those that do not.
func (w *work) stage(ctx context.Context, wanted []Engine, results []Result, needy bool) error {
	slots := make(chan struct{}, min(2, runtime.GOMAXPROCS(0)))
	var all sync.WaitGroup
	for i, e := range wanted {
		if len(e.needed) > 0 != needy {
			continue
		}
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			results[i] = w.engine(ctx, e)
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.Said != nil && ctx.Err() == nil {
				w.Said(results[i])
			}
		})
	}
	all.Wait()
	if err := ctx.Err(); err != nil {
		return &fairlead.Problem{Op: "scan", Kind: fairlead.KindCancelled, Err: err}
	}
	for _, r := range results {
		if err := w.shelf.place(w.workspace, r.artifacts); err != nil {
			return err
		}
	}
	return nil
}

// engine runs one engine and says how it ended.
func (w *work) engine(ctx context.Context, e Engine) Result {
	began := time.Now()
	out, err := w.once(ctx, e)
	r := Result{
		Engine: e.Word, Type: e.typ.Name, Version: e.typ.Version, Result: fairlead.ResultSuccess, Reason: out.Reason,
		Findings: len(out.Findings), Seconds: time.Since(began).Seconds(), Partial: out.Partial, Advisories: out.Advisories,
		found: out.Findings, artifacts: out.Artifacts,
	}
	switch {
	case err != nil:
		r.Result, r.Reason, r.Fault = fairlead.ResultError, err.Error(), fairlead.FaultOf(err)
		if kind := fairlead.KindOf(err); kind == fairlead.KindFailed {
			r.Result = fairlead.ResultFailure
		} else if kind == fairlead.KindTimeout {
			r.Result = fairlead.ResultTimeout
		}
	case out.Outcome == step.Skipped:
		r.Result = fairlead.ResultSkip
	case out.Outcome != step.Done:
		r.Result = fairlead.ResultFailure
	}
	return r
}

// once gives the engine its world and runs it there.
func (w *work) once(ctx context.Context, e Engine) (step.Out, error) {
	with := e.with(w.job)
	config, err := step.Decode(e.typ, with)
	if err != nil {
		return step.Out{}, &fairlead.Problem{Op: "scan", Kind: fairlead.KindInternal, Err: err}
	}
	scratch := filepath.Join(w.Dir, "scratch", cmp.Or(e.scratch, e.Word))
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return step.Out{}, unavailable("scan", err)
	}
	env, err := command.CleanEnv(nil, map[string]string{"HOME": scratch})
	if err != nil {
		return step.Out{}, err
	}
	if w.job.Limit > 0 {
		var done context.CancelFunc
		ctx, done = context.WithTimeout(ctx, w.job.Limit)
		defer done()
	}
	in := step.In{
		Key: "scan/" + e.Word, Event: w.job.Event, Service: w.job.Service, Attempt: 1, Config: config,
		Task:      fairlead.Task{ID: e.Word, Type: e.typ.Name, Config: with, Phase: fairlead.PhaseVerify},
		Workspace: cmp.Or(e.workspace, w.workspace), Scratch: scratch, Env: env, Hide: w.job.Hide, Endpoint: w.job.Endpoint,
		Output: &locked{mu: &w.mu, w: w.Output, prefix: e.Word}, Blobs: w.shelf, Confine: w.Confine,
	}
	if e.typ.Needs.Cache && w.job.Cache != "" {
		in.Cache = filepath.Join(w.job.Cache, e.typ.Name)
		if err := os.MkdirAll(in.Cache, 0o700); err != nil {
			return step.Out{}, unavailable("scan", err)
		}
	}
	if e.typ.Needs.Advisories {
		in.Advisories = w.job.Advisories
	}
	if e.typ.Needs.Confined {
		return w.Confine(ctx, e.typ, in)
	}
	return e.typ.Run(ctx, in)
}

// locked lets several engines write to one place, a line at a time.
type locked struct {
	mu     *sync.Mutex
	w      io.Writer
	prefix string
	rest   []byte
}

// Write passes on whole lines.
func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		i := slices.Index(l.rest, '\n')
		if i < 0 {
			return len(p), nil
		}
		if _, err := fmt.Fprintf(l.w, "%s: %s\n", l.prefix, l.rest[:i]); err != nil {
			return 0, err
		}
		l.rest = l.rest[i+1:]
	}
}

func raw(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("scan: encode config: " + err.Error()) // plain data always encodes
	}
	return b
}

func unavailable(op string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: err, Hint: "is the disk full or read-only?"}
}
