// Package reach finds out how far vulnerable Go code is from being called. It
// is the only place that knows govulncheck.
//
// The analysis loads and type-checks a whole program, which can take more than
// a gibibyte: it runs in a child process of this same binary, with a limit on
// its memory. See [Guard].
package reach

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/vuln/scan"

	"fairlead.dev"
)

// self is the program that this process runs, wherever its file is by now.
const self = "/proc/self/exe"

// childName is what the analysing process is called.
const childName = "fairlead-reach"

// maxReport is how many bytes the child may answer.
const maxReport = 256 << 20

// Query says what to analyse.
type Query struct {
	Dir      string   // of the go.mod, absolute
	Database string   // directory of a Go vulnerability database, absolute
	Env      []string // "NAME=value": for the go command
	MaxMiB   int      // memory of the analysis; 0 = no limit
	Tests    bool     // tests count as callers
}

// Report is how near each vulnerability is, by the id of its record. What is
// not in it does not concern the module as the go command sees it.
type Report struct {
	GoVersion string           `json:"go_version"`
	Levels    map[string]Level `json:"levels"`
	Modules   []string         `json:"modules"` // from which at least one package is part of the program; sorted
}

// Level is the nearest that the analysis found of one vulnerability.
type Level struct {
	Reachability fairlead.Reachability `json:"reachability"`
	Trace        []string              `json:"trace,omitempty"`   // from the module's own code to the vulnerable symbol
	Caller       string                `json:"caller,omitempty"`  // in the module's own code
	Location     fairlead.Location     `json:"location,omitzero"` // where it calls
}

// Guard does the analysis and never returns when this process was started for
// it; otherwise it does nothing. Call it first in main and in TestMain.
func Guard() {
	if os.Args[0] != childName {
		return
	}
	os.Exit(child(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// child runs govulncheck; its arguments are the limit of memory and govulncheck's own.
func child(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var limit uint64
	if _, err := fmt.Sscan(args[0], &limit); err == nil && limit > 0 {
		// Counts what the process may write to, which is what Go takes from the heap.
		if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			fmt.Fprintln(stderr, "limit memory:", err)
			return fairlead.ExitInfrastructure
		}
	}
	cmd := scan.Command(context.Background(), args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(stderr, err)
		return fairlead.ExitInfrastructure
	}
	if err := cmd.Wait(); err != nil {
		fmt.Fprintln(stderr, err)
		return fairlead.ExitFailed
	}
	return 0
}

// Analyse runs the analysis. That it cannot be done, because the code does not
// compile, a module is missing or the memory does not suffice, is
// KindUnavailable with the cause.
func Analyse(ctx context.Context, q Query) (Report, error) {
	args := []string{childName, fmt.Sprint(q.MaxMiB << 20), "-format", "json", "-db", "file://" + filepath.ToSlash(q.Database)}
	if q.Tests {
		args = append(args, "-test")
	}
	args = append(args, "-C", q.Dir, "./...")
	stdout, stderr := &bounded{max: maxReport}, &bounded{max: 64 << 10, cut: true}
	cmd := exec.CommandContext(ctx, self)
	cmd.Args, cmd.Dir, cmd.Env = args, q.Dir, environment(q)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return Report{}, problem(fairlead.KindCancelled, context.Cause(ctx))
	case err != nil:
		return Report{}, problem(fairlead.KindUnavailable, fmt.Errorf("%w: %s", err, cause(stderr.String())))
	}
	r, err := read(&stdout.b)
	if err != nil {
		return r, problem(fairlead.KindUnavailable, err)
	}
	return r, nil
}

// environment is the child's: nothing is fetched, and Go's own collector works
// harder before the limit is met.
func environment(q Query) []string {
	env := slices.DeleteFunc(slices.Clone(q.Env), func(e string) bool { return strings.HasPrefix(e, "GOFLAGS=") })
	env = append(env, "GOPROXY=off", "GOSUMDB=off", "GOFLAGS=-mod=readonly", "GOTELEMETRY=off", "GOWORK=off")
	if info, err := os.Stat(filepath.Join(q.Dir, "vendor", "modules.txt")); err == nil && info.Mode().IsRegular() {
		env = append(env, "GOFLAGS=-mod=vendor")
	}
	if q.MaxMiB > 0 {
		env = append(env, fmt.Sprintf("GOMEMLIMIT=%dMiB", q.MaxMiB*4/5))
	}
	return env
}

// message is one of govulncheck's answer; only what is used of it.
type message struct {
	Config *struct {
		GoVersion string `json:"go_version"`
	} `json:"config"`
	SBOM *struct {
		Modules []struct {
			Path string `json:"path"`
		} `json:"modules"`
	} `json:"SBOM"`
	Finding *finding `json:"finding"`
}

type finding struct {
	OSV   string  `json:"osv"`
	Trace []frame `json:"trace"` // the vulnerable symbol first
}

type frame struct {
	Module   string `json:"module"`
	Package  string `json:"package"`
	Function string `json:"function"`
	Receiver string `json:"receiver"`
	Position *struct {
		Filename string `json:"filename"`
		Line     int    `json:"line"`
		Column   int    `json:"column"`
	} `json:"position"`
}

// read gives the nearest of what was found of each vulnerability.
func read(r io.Reader) (Report, error) {
	out := Report{Levels: map[string]Level{}}
	d := json.NewDecoder(r)
	for {
		var m message
		if err := d.Decode(&m); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, fmt.Errorf("its answer is malformed: %w", err)
		}
		if m.Config != nil && m.Config.GoVersion != "" {
			out.GoVersion = m.Config.GoVersion
		}
		if m.SBOM != nil {
			for _, v := range m.SBOM.Modules {
				out.Modules = append(out.Modules, v.Path)
			}
			out.Modules = slices.Compact(slices.Sorted(slices.Values(out.Modules)))
		}
		if m.Finding == nil || len(m.Finding.Trace) == 0 {
			continue
		}
		l := m.Finding.level()
		if old, ok := out.Levels[m.Finding.OSV]; !ok || nearer(l, old) {
			out.Levels[m.Finding.OSV] = l
		}
	}
}

// level tells how near a finding is.
func (f *finding) level() Level {
	first := f.Trace[0]
	switch {
	case first.Function != "":
		l := Level{Reachability: fairlead.ReachableCalled}
		own := f.Trace[len(f.Trace)-1].Module
		for _, t := range slices.Backward(f.Trace) {
			l.Trace = append(l.Trace, t.symbol())
			// The last of our own is the one that calls what belongs to others.
			if t.Module == own && t.Position != nil && filepath.IsLocal(t.Position.Filename) {
				l.Caller, l.Location = t.symbol(), fairlead.Location{Path: filepath.ToSlash(t.Position.Filename), Line: t.Position.Line, Column: t.Position.Column}
			}
		}
		return l
	case first.Package != "":
		return Level{Reachability: fairlead.ReachableImported, Trace: []string{first.Package}}
	}
	return Level{Reachability: fairlead.ReachableRequired}
}

func (f frame) symbol() string {
	name := f.Function
	if f.Receiver != "" {
		name = strings.TrimPrefix(f.Receiver, "*") + "." + name
	}
	return f.Package + "." + name
}

// nearer tells whether a is nearer than b; of two calls the shorter way, then
// the first by name, so that the answer does not depend on the order.
func nearer(a, b Level) bool {
	order := []fairlead.Reachability{fairlead.ReachableCalled, fairlead.ReachableImported, fairlead.ReachableRequired}
	if x, y := slices.Index(order, a.Reachability), slices.Index(order, b.Reachability); x != y {
		return x < y
	}
	if len(a.Trace) != len(b.Trace) {
		return len(a.Trace) < len(b.Trace)
	}
	return slices.Compare(a.Trace, b.Trace) < 0
}

// bounded keeps what is written, up to a size. Then it refuses, or cuts when told.
type bounded struct {
	b   bytes.Buffer
	max int
	cut bool
}

func (w *bounded) Write(p []byte) (int, error) {
	if w.b.Len()+len(p) <= w.max {
		return w.b.Write(p)
	}
	if !w.cut {
		return 0, errors.New("the answer is too large")
	}
	return len(p), nil
}

func (w *bounded) String() string { return w.b.String() }

// cause gives the lines of an error output that say most.
func cause(text string) string {
	if strings.Contains(text, "out of memory") || strings.Contains(text, "cannot allocate memory") {
		return "out of memory"
	}
	lines := strings.FieldsFunc(strings.TrimSpace(text), func(c rune) bool { return c == '\n' })
	return strings.Join(lines[:min(len(lines), 4)], "; ")
}

func problem(kind fairlead.Kind, err error) error {
	return &fairlead.Problem{
		Op: "analyse what is called", Kind: kind, Err: err,
		Hint: "it needs the go command, code that compiles, and all modules in the module cache or vendored",
	}
}
