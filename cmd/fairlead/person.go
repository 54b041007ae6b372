package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/control"
	"fairlead.dev/evidence"
	"fairlead.dev/flow"
	"fairlead.dev/format/sshsig"
	"fairlead.dev/gate"
	"fairlead.dev/identity"
	"fairlead.dev/intake/worktree"
	"fairlead.dev/pipeline"
	"fairlead.dev/store"
	targetall "fairlead.dev/target/all"
)

// person is whoever is at the keyboard.
type person struct {
	source identity.Source
	key    *evidence.Signer // Fairlead's own, for people known by account
	who    identity.Who
}

// person looks for the user's proof of identity. key is the file named on the
// command line, "" for the usual places.
func (w *wiring) person(key string, own *evidence.Signer) *person {
	s := identity.Source{
		Account: who(), Key: cmp.Or(key, w.env["FAIRLEAD_KEY"]), Home: w.env["HOME"], Agent: w.env["SSH_AUTH_SOCK"],
	}
	if term.IsTerminal(int(os.Stdin.Fd())) {
		s.Passphrase = func(path string) ([]byte, error) { return askPassphrase(w.err, path) }
	}
	return &person{source: s, key: own}
}

func askPassphrase(to io.Writer, path string) ([]byte, error) {
	fmt.Fprintf(to, "passphrase of %s: ", path)
	defer fmt.Fprintln(to)
	return term.ReadPassword(int(os.Stdin.Fd()))
}

// Among recognises the user among people.
func (p *person) Among(people []fairlead.Person) (string, string, error) {
	var err error
	p.who, err = p.source.Find(people)
	return p.who.Person, p.who.Account, err
}

// State signs what the recognised person states: with his own key or, for one
// known by account only, with Fairlead's.
func (p *person) State(ctx context.Context, runID, commit, predicateType string, said any, at time.Time) (fairlead.Evidence, error) {
	switch {
	case p.who.Person == "":
		return fairlead.Evidence{}, &fairlead.Problem{Op: "sign", Kind: fairlead.KindInternal, Err: errors.New("nobody was recognised")}
	case p.who.Hand != nil:
		return evidence.SignByHand(ctx, p.who.Hand, runID, commit, predicateType, said, at)
	default:
		return p.key.SignForAccount(ctx, runID, commit, predicateType, said, at)
	}
}

// desk is where people's decisions are read and verified.
func desk(db *store.Store, own evidence.PublicKey) flow.Desk {
	return flow.Desk{Votes: db, Past: db, Witness: evidence.Witness{Own: evidence.TrustKeys(own)}, Ground: ground}
}

// ground names what a release takes in the world, as its target tells it.
func ground(typ string, config json.RawMessage) string {
	for _, t := range targetall.Types() {
		if t.Name == typ && t.Ground != nil {
			return t.Ground(config)
		}
	}
	return ""
}

// checkKey says what is wrong with an SSH public key.
func checkKey(line string) error {
	_, err := sshsig.ParsePublicKey(line)
	return err
}

// AddFreeze keeps a freeze in the name of the person at the keyboard.
func (c *controlPlane) AddFreeze(ctx context.Context, q cli.FreezeQuery) (fairlead.StandingFreeze, error) {
	f := q.Freeze
	if q.Now {
		loc, err := time.LoadLocation(f.TZ)
		if err != nil {
			return fairlead.StandingFreeze{}, &fairlead.Problem{Op: "add freeze", Kind: fairlead.KindInvalid, Err: err, Hint: "--tz is a zone such as Europe/Berlin"}
		}
		f.From = time.Now().In(loc).Format("2006-01-02T15:04")
	}
	if err := gate.CheckFreeze(f); err != nil {
		return fairlead.StandingFreeze{}, &fairlead.Problem{Op: "add freeze", Kind: fairlead.KindInvalid, Err: err, Hint: "`fairlead freeze add --help` has examples"}
	}
	if err := c.knowsAll(ctx, f.Environments); err != nil {
		return fairlead.StandingFreeze{}, err
	}
	return c.Plane.AddFreeze(ctx, f, who())
}

// knowsAll refuses environments that nobody has heard of: a freeze of a name
// that is misspelt holds nothing. A broken configuration is in nobody's way.
func (c *controlPlane) knowsAll(ctx context.Context, names []string) error {
	known, err := c.environmentNames(ctx)
	if err != nil {
		return nil //nolint:nilerr // whoever stops the line must not have to mend it first
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return &fairlead.Problem{
				Op: "add freeze", Kind: fairlead.KindInvalid, Err: fmt.Errorf("there is no environment %q, so it would hold nothing", n),
				Hint: "known environments are " + strings.Join(known, ", "),
			}
		}
	}
	return nil
}

// environmentNames gives the environments of the newest commit's configuration
// and those that anything was ever released to, sorted.
func (c *controlPlane) environmentNames(ctx context.Context) ([]string, error) {
	repo, err := worktree.Open(ctx, c.set.Dir)
	if err != nil {
		return nil, err
	}
	tree, err := repo.Files(ctx, "HEAD")
	if err != nil {
		return nil, err
	}
	src, err := configOf(tree)
	if err != nil {
		return nil, err
	}
	cfg, err := pipeline.Read(src, catalog())
	if err != nil {
		return nil, err
	}
	all := cfg.EnvironmentNames()
	states, err := c.store.Environments(ctx)
	for _, st := range states {
		all = append(all, st.Environment)
	}
	slices.Sort(all)
	return slices.Compact(all), err
}

// LiftFreeze ends a freeze in the name of the person at the keyboard.
func (c *controlPlane) LiftFreeze(ctx context.Context, id, reason, key string) (fairlead.StandingFreeze, error) {
	own, err := c.ownPlan(ctx, cli.PlanQuery{Event: string(fairlead.EventPush)})
	if err != nil {
		return fairlead.StandingFreeze{}, err
	}
	return c.Plane.LiftFreeze(ctx, id, reason, who(), peopleIn(own), c.wiring.person(key, c.key))
}

// BreakGlass makes a grant for the person at the keyboard.
func (c *controlPlane) BreakGlass(ctx context.Context, q cli.GlassQuery) (fairlead.Grant, error) {
	p, err := c.ownPlan(ctx, cli.PlanQuery{Event: string(fairlead.EventManual), Environment: q.Environment, Commit: q.Commit})
	if err != nil {
		return fairlead.Grant{}, err
	}
	return c.Plane.BreakGlass(ctx, control.Glass{
		Plan: p, Reason: q.Reason, Incident: q.Incident, TTL: q.TTL, Skips: q.Skips,
	}, c.wiring.person(q.Key, c.key))
}

// Review closes the follow-up of a grant.
func (c *controlPlane) Review(ctx context.Context, q cli.ReviewQuery) (fairlead.Grant, error) {
	own, err := c.ownPlan(ctx, cli.PlanQuery{Event: string(fairlead.EventPush)})
	if err != nil {
		return fairlead.Grant{}, err
	}
	r := control.Reviewing{Grant: q.Grant, Reason: q.Reason, WithoutTests: q.WithoutTests}
	return c.Plane.Review(ctx, r, peopleIn(own), c.wiring.person(q.Key, c.key))
}

// ownPlan plans for this repository, whatever would hold that plan.
func (c *controlPlane) ownPlan(ctx context.Context, q cli.PlanQuery) (fairlead.Plan, error) {
	p, _, err := planner{set: c.set}.Plan(ctx, q)
	return p, err
}

func peopleIn(p fairlead.Plan) []fairlead.Person {
	if p.Safeguards == nil {
		return nil
	}
	return p.Safeguards.People
}
