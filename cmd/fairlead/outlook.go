package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/evidence"
	"fairlead.dev/flow"
	"fairlead.dev/record"
	"fairlead.dev/store"
)

// counter is the desk and the line of a state directory, opened to be asked.
type counter struct {
	desk flow.Desk
	line queue
	done func()
	err  error // why they could not be opened
}

func (w *wiring) counter(ctx context.Context, s cli.Settings) *counter {
	d, line, done, err := w.deskAt(ctx, s)
	if err != nil {
		done = func() {}
	}
	return &counter{desk: d, line: line, done: done, err: err}
}

// outlook says what would hold a plan if it was run now: whom it would wait
// for, and which freeze. Approvals that nobody could ever give for this change
// are a problem of the plan, unless break-glass goes past them.
func (c *counter) outlook(ctx context.Context, p fairlead.Plan) ([]string, error) {
	if len(p.Parts()) == 0 {
		return nil, nil
	}
	if c.err != nil {
		return []string{"freezes and approvals that are kept elsewhere are not known: " + c.err.Error()}, nil
	}
	d, line := c.desk, c.line
	q := flow.Asking{Plan: p, Question: fairlead.QuestionRelease, Asked: time.Now().UTC()}
	h, err := d.Look(ctx, q, q.Asked)
	if err != nil {
		return nil, err
	}
	missing, err := d.Unsatisfiable(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 && !slices.ContainsFunc(h.Rules, func(r fairlead.RuleOutcome) bool { return r.Bypassed != "" }) {
		return nil, &fairlead.Problem{
			Op: "plan", Kind: fairlead.KindInvalid, Err: errors.New("the approvals can never be given: " + strings.Join(missing, "; ")),
			Hint: "let somebody else start it, or name more people; in an emergency: `fairlead break-glass`",
		}
	}
	notes := outlookNotes(h.Waiting, h.Rules)
	spared, err := d.Spares(ctx, p, q.Asked)
	if err != nil {
		return nil, err
	}
	if slow := slowTests(p); spared != nil && len(slow) > 0 {
		notes = append(notes, "BREAK-GLASS "+spared.ID+" skips the slow tests "+strings.Join(slow, ", "))
	}
	grants, err := d.Votes.Grants(ctx, p.Environment, p.Service, "")
	if open := record.Open(grants); len(open) > 0 {
		notes = append(notes, record.GrantLines(open, q.Asked)...)
	}
	if err != nil {
		return notes, err
	}
	ahead, err := aheadOf(ctx, line, p)
	return append(notes, ahead...), err
}

// queue reads who stands in line for a service in an environment, in order.
type queue func(ctx context.Context, environment, service string) (fairlead.Line, error)

// aheadOf says who is in line where a plan would go, the first one first.
func aheadOf(ctx context.Context, line queue, p fairlead.Plan) ([]string, error) {
	var notes []string
	for _, part := range p.Parts() {
		l, err := line(ctx, p.Environment, part.Service)
		if err != nil {
			return nil, err
		}
		for i, k := range l {
			notes = append(notes, fmt.Sprintf("in line for %s of %s, number %d: run %s, %s", p.Environment, part.Service, i+1, k.RunID, k.State))
		}
	}
	return notes, nil
}

func slowTests(p fairlead.Plan) []string {
	var all []string
	for _, t := range p.Tasks {
		if t.Slow {
			all = append(all, t.ID)
		}
	}
	return all
}

// liveCommits gives the commits that are live where a plan's releases would go,
// when people or the calendar have a say there.
func (c *counter) liveCommits(ctx context.Context, p fairlead.Plan) ([]string, error) {
	if c.err != nil {
		return nil, c.err
	}
	return c.desk.LiveCommits(ctx, p)
}

func outlookNotes(waiting *fairlead.Waiting, rules []fairlead.RuleOutcome) []string {
	var notes []string
	if waiting != nil {
		notes = append(notes, "it would wait: "+waiting.Text)
	}
	for _, r := range rules {
		if r.Bypassed != "" {
			notes = append(notes, "BREAK-GLASS "+r.Bypassed+" goes past "+r.Name+": "+r.Reason)
		}
	}
	return notes
}

// deskAt opens the desk and the line of a state directory, empty ones when
// nothing was ever kept there. done closes them.
func (w *wiring) deskAt(ctx context.Context, s cli.Settings) (d flow.Desk, line queue, done func(), err error) {
	h, err := openHome(ctx, s)
	if err != nil {
		return d, nil, nil, err
	}
	url, _ := h.databases(s, w.env)
	if path, isFile := strings.CutPrefix(url, "sqlite:"); isFile {
		if _, err := os.Stat(path); err != nil {
			return flow.Desk{Votes: blank{}, Past: blank{}}, blank{}.Line, func() {}, nil
		}
	}
	key, err := evidence.OpenKey(h.keys())
	if err != nil {
		return d, nil, nil, err
	}
	db, err := store.Open(ctx, url)
	if err != nil {
		return d, nil, nil, err
	}
	return desk(db, key.Public()), db.Line, func() { _ = db.Close() }, nil
}

// blank is the record before anything was recorded.
type blank struct{}

func nothing(what string) error {
	return &fairlead.Problem{Op: "read " + what, Kind: fairlead.KindNotFound, Err: errors.New("nothing is recorded yet")}
}

func (blank) Approvals(context.Context, string) ([]fairlead.Approval, error) { return nil, nil }

func (blank) Freezes(context.Context, bool) ([]fairlead.StandingFreeze, error) { return nil, nil }

func (blank) Grants(context.Context, string, string, string) ([]fairlead.Grant, error) {
	return nil, nil
}

func (blank) Line(context.Context, string, string) (fairlead.Line, error) { return nil, nil }

func (blank) Run(context.Context, string) (fairlead.Run, error) {
	return fairlead.Run{}, nothing("run")
}

func (blank) Plan(context.Context, fairlead.Digest) (fairlead.Plan, error) {
	return fairlead.Plan{}, nothing("plan")
}

func (blank) Environment(context.Context, string, string) (fairlead.EnvironmentState, error) {
	return fairlead.EnvironmentState{}, nothing("environment")
}

func (blank) Environments(context.Context) ([]fairlead.EnvironmentState, error) { return nil, nil }

func (blank) Deployments(context.Context, string, string, int) ([]fairlead.Deployment, error) {
	return nil, nil
}

func (blank) Evidence(context.Context, ...fairlead.Digest) ([]fairlead.Evidence, error) {
	return nil, nothing("evidence")
}
