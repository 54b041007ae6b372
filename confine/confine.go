// Package confine runs a step type in a child process of our own program that
// can do little harm, whatever the files it reads make of it. A request goes in
// on standard input; what the step leaves comes back as files of a spool, which
// are checked like anything a stranger wrote; what it prints is its output.
//
// The child has a fixed environment and none of the variables that the task or
// the caller was given; it holds no more memory, processor time and disk than
// its limits; and, where the machine allows namespaces or else Landlock, it has
// no network, reads neither the user's home nor Fairlead's state, and can write in
// its scratch directory and its cache only. Where it allows neither, the task's
// result and its output say so. A step type that looks at a running release has
// the network, and nothing else more.
package confine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/step"
)

// Self is the program that this process runs.
const Self = "/proc/self/exe"

// marker is a variable that every child has.
const marker = "FAIRLEAD_CONFINED"

// Argument is the one argument with which the program is started to be a child.
const Argument = "confined"

const (
	mebibyte = 1 << 20

	// defaultMemory is what a step type may take that does not say, in MiB.
	defaultMemory = 512

	// mostCPU bounds the processor time of a step without a deadline.
	mostCPU = 30 * time.Minute

	// mostFile is how large a file the child may write, in bytes.
	mostFile = 2 << 30

	// grace is how long a child may take to end when it is told to.
	grace = 2 * time.Second
)

const opRun = "run confined"

// Run does what t.Run does, in a child process. program is Self, or the path of
// a program that calls [Guard] or [Child]. The child gets of in what is data;
// in.Env and in.Secrets stay behind. in.Workspace is read-only for it, and so
// is everything else but in.Scratch, below which both sides keep their files,
// and in.Cache. What is in the cache was left by an earlier child: it is no more
// to be trusted than that one, and no less.
//
// The error is t.Run's own, or KindFailed when the child took more memory or
// processor time than it may, or KindInternal when it ended without an answer,
// or KindTimeout and KindCancelled as the context says.
func Run(ctx context.Context, program string, t step.Type, in step.In) (step.Out, error) {
	if os.Getenv(marker) != "" { // or a program without Guard would start itself for ever
		return step.Out{}, problem(fairlead.KindInternal, "call confine.Guard early in main, and in TestMain of a test",
			errors.New("this process is confined already"))
	}
	s, err := newSpool(in.Scratch)
	if err != nil {
		return step.Out{}, err
	}
	defer s.remove()
	config, err := json.Marshal(in.Config)
	if err != nil {
		return step.Out{}, problem(fairlead.KindInternal, "", err)
	}
	if err := s.ask(requestOf(t, in, config)); err != nil {
		return step.Out{}, err
	}
	spec := specOf(ctx, program, t, in, s)
	less := open(&spec)
	if less != "" {
		fmt.Fprintln(in.Output, less)
	}
	result, err := command.Run(ctx, spec)
	if err != nil {
		return step.Out{}, err
	}
	if err := ended(t, spec, result); err != nil {
		return step.Out{}, err
	}
	out, err := s.answer(ctx, in.Blobs)
	if err == nil && less != "" {
		out.Reason = strings.TrimPrefix(out.Reason+"; "+less, "; ")
	}
	return out, err
}

// specOf says how the child is run.
func specOf(ctx context.Context, program string, t step.Type, in step.In, s *spool) command.Spec {
	memory := t.Needs.Memory
	if memory == 0 {
		memory = defaultMemory
	}
	cpu := mostCPU
	if at, ok := ctx.Deadline(); ok {
		cpu = min(cpu, 4*time.Until(at)+time.Second)
	}
	g := goDirs(ctx)
	spec := command.Spec{
		Args: []string{program, Argument}, Dir: in.Scratch, Output: in.Output, Grace: grace, Input: s.path(requestFile),
		Env:    environment(memory, in.Scratch, in.Cache, g),
		Limits: command.Limits{Memory: int64(memory) * mebibyte, CPU: cpu.Truncate(time.Second), File: mostFile},
		Hide:   in.Hide, Offline: !t.Needs.Endpoint, Sealed: true,
	}
	spec.ReadOnly = append(spec.ReadOnly, in.ReadOnly...)
	if t.Needs.Workspace {
		spec.ReadOnly = append(spec.ReadOnly, in.Workspace)
	}
	if in.Advisories != "" {
		spec.ReadOnly = append(spec.ReadOnly, in.Advisories)
	}
	if in.Cache != "" {
		spec.Writable = []string{in.Cache}
	}
	if home, ok := hideable(in.Workspace); ok {
		spec.Hide = append(append([]string{}, spec.Hide...), home)
		spec.ReadOnly = append(spec.ReadOnly, g.needed()...)
	}
	return spec
}

// hideable gives the user's home when it can be hidden: not when it is what the
// step reads.
func hideable(workspace string) (string, bool) {
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) || filepath.Clean(home) == "/" {
		return "", false
	}
	if info, err := os.Stat(home); err != nil || !info.IsDir() {
		return "", false
	}
	rel, err := filepath.Rel(workspace, home)
	return home, err != nil || !filepath.IsLocal(rel)
}

// open changes the spec to what can be had on this machine, and says in words
// what is less than it asks for; "" when all can be had.
func open(s *command.Spec) string {
	reason := command.Probe(*s)
	if reason == nil {
		return ""
	}
	s.Landlock = true
	err := command.Probe(*s)
	if err == nil {
		return "kept from network and files by Landlock, because there are no namespaces here"
	}
	s.Landlock, s.Offline, s.Sealed, s.Hide, s.ReadOnly, s.Writable = false, false, false, nil, nil, nil
	return fmt.Sprintf("not cut off from network and files, only limited: %v; %v", reason, err)
}

// ended says what is wrong with how the child ended, nil for nothing. A child
// that has answered exits with 0, whatever the answer is.
func ended(t step.Type, s command.Spec, r command.Result) error {
	if err := r.Interrupted(); err != nil {
		return err
	}
	switch {
	case r.Exceeded == command.ExceededMemory:
		return problem(fairlead.KindFailed, "leave files out that it need not read, or run it where the input is smaller",
			fmt.Errorf("%s took more than the %d MiB of memory it may", t.Name, s.Limits.Memory/mebibyte))
	case r.Exceeded != "":
		return problem(fairlead.KindFailed, "leave files out that it need not read, or raise the task's timeout",
			fmt.Errorf("%s took more than %s of %s", t.Name, s.Limits.CPU, r.Exceeded))
	case !r.Succeeded():
		return problem(fairlead.KindInternal, "what it printed last is in the task's output", errors.New(t.Name+" ended without an answer: "+r.String()))
	}
	return nil
}

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: opRun, Kind: kind, Hint: hint, Err: err}
}
