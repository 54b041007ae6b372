package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/doctor"
	"fairlead.dev/flow"
	"fairlead.dev/gate"
	"fairlead.dev/intake/worktree"
	"fairlead.dev/licence"
	"fairlead.dev/pipeline"
	stepall "fairlead.dev/step/all"
	targetall "fairlead.dev/target/all"
)

// variables is the environment the program was started with.
type variables map[string]string

func environment(env []string) variables {
	v := variables{}
	for _, e := range env {
		if name, value, ok := strings.Cut(e, "="); ok {
			v[name] = value
		}
	}
	return v
}

// wire gives the command line everything it may ask for. It is the only place
// where all rooms meet; nothing is opened before a command needs it.
func wire(stdio cli.Stdio, env variables) cli.App {
	w := &wiring{env: env, err: stdio.Err}
	return cli.App{
		Version: version(),
		Planner: func(s cli.Settings) cli.Planner { return planner{set: s, counter: w.counter} },
		Config:  func(s cli.Settings) cli.ConfigTools { return configTools{s} },
		Records: func(ctx context.Context, s cli.Settings) (cli.Records, error) { return w.openRecords(ctx, s) },
		Control: func(ctx context.Context, s cli.Settings) (cli.Control, error) { return w.openControl(ctx, s) },
		Doctor:  w.doctor,
		Access:  w.access,
		Traffic: traffic,
		Agent:   func(s cli.Settings) cli.AgentTools { return agentTools{wiring: w, set: s} },
		Replay:  func(q cli.ReplayQuery) (cli.Replayed, error) { return replay(stdio.In, q) },
		Scanner: func(s cli.Settings) cli.Scanner { return scanner{wiring: w, set: s} },
		Fixer:   func(s cli.Settings) cli.Fixer { return scanner{wiring: w, set: s} },
		Kinds:   kinds(),

		Vulnerabilities: func(s cli.Settings) cli.Vulnerabilities { return vulnerabilities{wiring: w, set: s} },
		Bills:           func(s cli.Settings) cli.Bills { return bills{wiring: w, set: s} },
		Findings:        func(ctx context.Context, s cli.Settings) (cli.Findings, error) { return w.openFindings(ctx, s) },
		Gates:           func(s cli.Settings) cli.Gates { return gates{wiring: w, set: s} },
	}
}

type wiring struct {
	env variables
	err io.Writer
}

// logger writes to standard error what -v asks for, and warnings always.
func (w *wiring) logger(verbose bool) *slog.Logger {
	level := slog.LevelWarn
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w.err, &slog.HandlerOptions{Level: level}))
}

// catalog is what a configuration may name.
func catalog() pipeline.Catalog {
	c := pipeline.Catalog{Flow: flow.Version, CheckRule: gate.Check, CheckFreeze: gate.CheckFreeze, CheckKey: checkKey, CheckLicence: licence.CheckEntry}
	for _, t := range stepall.Types() {
		c.Steps = append(c.Steps, pipeline.StepInfo{Name: t.Name, Title: t.Title, Config: t.Config, NeedsEndpoint: t.Needs.Endpoint})
	}
	for _, t := range targetall.Types() {
		c.Targets = append(c.Targets, pipeline.TargetInfo{Name: t.Name, Title: t.Title, Config: t.Config, Foresee: t.Foresee})
	}
	return c
}

// kinds lists step and target types, and what gates can ask about, for explain.
func kinds() []cli.Kind {
	var out []cli.Kind
	for _, t := range stepall.Types() {
		out = append(out, cli.Kind{Name: t.Name, Title: t.Title, Doc: t.Doc, Sort: "step"})
	}
	for _, t := range targetall.Types() {
		out = append(out, cli.Kind{Name: t.Name, Title: t.Title, Doc: t.Doc, Sort: "target"})
	}
	return append(out, cli.Kind{
		Name: "gate", Title: "what the rule of a gate can ask about", Doc: gateDoc(), Sort: "rule",
	})
}

// gateDoc lists the variables of a gate's rule.
func gateDoc() string {
	var b strings.Builder
	b.WriteString("A gate's `rule` is a CEL expression of type bool over these variables; the gate\nlets a change pass where it holds.\n\n| variable | type | |\n|---|---|---|\n")
	for _, v := range gate.Variables() {
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", v.Name, v.Type, v.Doc)
	}
	return b.String()
}

// doctor looks for the tools that the configuration needs.
func (w *wiring) doctor(ctx context.Context, s cli.Settings) ([]cli.Tool, error) {
	p, needed, err := neededTools(ctx, s)
	if err != nil {
		return nil, err
	}
	var out []cli.Tool
	for _, t := range doctor.Check(ctx, needed) {
		out = append(out, cli.Tool(t))
	}
	if t := w.env.metricsTool(ctx, p); t != nil {
		out = append(out, *t)
	}
	access, err := reviewed(ctx, s)
	return append(out, access...), err
}

// neededTools reads the configuration of the work tree and gives its plan and
// the programs that its commands begin with. Without git there is nothing to
// read: then git is what is needed.
func neededTools(ctx context.Context, s cli.Settings) (fairlead.Plan, map[string]string, error) {
	needed := map[string]string{"git": "reading commits"}
	repo, err := worktree.Open(ctx, s.Dir)
	if err != nil {
		if fairlead.KindOf(err) == fairlead.KindUnavailable {
			return fairlead.Plan{}, needed, nil
		}
		return fairlead.Plan{}, nil, err
	}
	p, _, err := planner{set: s}.plan(ctx, repo, cli.PlanQuery{Event: string(fairlead.EventPush)})
	if err != nil {
		return p, nil, err
	}
	maps.Copy(needed, doctor.Needed(p))
	return p, needed, nil
}

// home is where a repository's state is kept.
type home struct{ root string }

// openHome finds the state directory and makes it, with a .gitignore of its
// own so that it never enters a commit.
func openHome(ctx context.Context, s cli.Settings) (home, error) {
	root := s.State
	if root == "" {
		repo, err := worktree.Open(ctx, s.Dir)
		if err != nil {
			return home{}, err
		}
		root = checkoutState(repo)
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return home{}, err
	}
	h := home{abs}
	for _, dir := range []string{h.root, h.private(), h.keys(), h.work()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return home{}, &fairlead.Problem{
				Op: "open state directory", Kind: fairlead.KindUnavailable, Err: err,
				Hint: "is the disk full or read-only? --state names another place",
			}
		}
	}
	ignore := filepath.Join(h.root, ".gitignore")
	if _, err := os.Stat(ignore); err != nil {
		if err := os.WriteFile(ignore, []byte("*\n"), 0o600); err != nil {
			return home{}, &fairlead.Problem{Op: "open state directory", Kind: fairlead.KindUnavailable, Err: err}
		}
	}
	return h, nil
}

// checkoutState is where the state of a checkout is kept when nothing else is said.
func checkoutState(repo *worktree.Repo) string { return filepath.Join(repo.Root(), ".fairlead") }

// Everything below private is hidden from the commands that tasks run.
func (h home) private() string    { return filepath.Join(h.root, "private") }
func (h home) keys() string       { return filepath.Join(h.private(), "keys") }
func (h home) blobs() string      { return filepath.Join(h.private(), "blobs") }
func (h home) agent() string      { return filepath.Join(h.private(), "agent") }
func (h home) kubernetes() string { return filepath.Join(h.private(), "kubernetes") }
func (h home) work() string       { return filepath.Join(h.root, "work") }
func (h home) cache() string      { return filepath.Join(h.root, "cache") }

// databases gives the URLs of our own tables and of the engine's.
func (h home) databases(s cli.Settings, env variables) (ours, engines string) {
	url := s.Database
	if url == "" {
		url = env["FAIRLEAD_DATABASE"]
	}
	if url != "" {
		return url, url
	}
	return "sqlite:" + filepath.Join(h.private(), "fairlead.db"), "sqlite:" + filepath.Join(h.private(), "engine.db")
}
