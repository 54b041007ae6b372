package gate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

// Regime is one set of safeguards that a run has to satisfy: those of its own
// plan, or those of the plan that is live. Each has its own people, so a change
// that names other people satisfies the old ones as well.
type Regime struct {
	Name        string // "this plan", "the live release"
	Environment string // for which these safeguards are; the plan's own, or another name of the same place
	Safeguards  fairlead.Safeguards
	Rules       []fairlead.ApprovalRule // those in force for the change
	Freezes     []fairlead.Freeze       // those in force for the change and the environment
	Votes       []fairlead.Approval     // verified under this regime's people, oldest first
	Grants      []fairlead.Grant        // break-glass that is valid under this regime, with what it may skip here
}

// Past gives the grant with which one goes past something under this regime, the
// newest of several; nil when there is none.
func (r Regime) Past(what string) *fairlead.Grant {
	for _, g := range slices.Backward(r.Grants) {
		if slices.Contains(g.Skips, what) {
			return &g
		}
	}
	return nil
}

// HoldInput is everything on which it depends whether a run is held.
type HoldInput struct {
	Question string
	RunID    string
	Event    fairlead.Event
	Regimes  []Regime
	Asked    time.Time // since when approvals are waited for
	Now      time.Time
}

// Hold is whether and why a run is held.
type Hold struct {
	Waiting *fairlead.Waiting      `json:"waiting,omitempty"` // nil when nothing holds it, or it is over
	Over    string                 `json:"over,omitempty"`    // why it can never go on: rejected, or nobody approved in time
	Expired bool                   `json:"expired,omitempty"` // Over is for want of an answer
	Rules   []fairlead.RuleOutcome `json:"rules"`             // each rule and freeze with its part, for the decision
	Grants  []string               `json:"grants,omitempty"`  // of what was gone past, sorted
}

// Holding tells what holds a run now. It is pure: the same input gives the same
// answer, and more time alone never satisfies an approval.
func Holding(in HoldInput) Hold {
	h := Hold{Rules: []fairlead.RuleOutcome{}}
	w := fairlead.Waiting{Question: in.Question, Since: in.Asked}
	for _, r := range in.Regimes {
		h.rejections(in, r)
		h.approvals(in, r, &w)
		h.freezes(in, r, &w)
	}
	slices.Sort(h.Grants)
	h.Grants = slices.Compact(h.Grants)
	if h.Over == "" && (len(w.Needs) > 0 || len(w.Freezes) > 0) {
		w.Human = len(w.Needs) > 0
		w.Text, w.Until = waitingWords(w), waitingUntil(w)
		h.Waiting = &w
	}
	return h
}

// rejections ends it when somebody who is asked said no.
func (h *Hold) rejections(in HoldInput, r Regime) {
	for _, v := range r.Votes {
		if h.Over != "" || v.Vote != fairlead.VoteReject || v.RunID != in.RunID || v.Question != in.Question {
			continue
		}
		asked := func(rule fairlead.ApprovalRule) bool {
			return slices.Contains(Members(r.Safeguards, rule.From), v.Person)
		}
		if slices.ContainsFunc(r.Rules, asked) {
			h.Over = "rejected by " + v.Person + ": " + v.Reason
			h.Rules = append(h.Rules, fairlead.RuleOutcome{
				Name: "approvals", Outcome: fairlead.OutcomeDeny, Reason: h.Over, Source: r.Name,
				Fix: "mend what the reason says and run it again",
			})
		}
	}
}

// approvals adds what each rule says.
func (h *Hold) approvals(in HoldInput, r Regime, w *fairlead.Waiting) {
	excluded, strangers := Excluded(r.Safeguards, in.Event), Strangers(r.Safeguards, in.Event)
	glass := r.Past(fairlead.SkipApprovals)
	for _, rule := range r.Rules {
		rule.Count += len(strangers)
		t := judgeVotes(in, r, rule, excluded)
		out := fairlead.RuleOutcome{Name: rule.Name, Outcome: fairlead.OutcomeAllow, Source: rule.Source}
		short := fmt.Sprintf("%d of %s by %s", len(t.given), counted(rule.Count, "approval"), fromWords(rule.From))
		if why := strangerWords(strangers); why != "" {
			short += " (" + why + ")"
		}
		switch {
		case len(t.given) >= rule.Count && !t.late:
			out.Reason = "approved by " + strings.Join(t.given, ", ")
		case glass != nil:
			out.Outcome, out.Bypassed = fairlead.OutcomeWait, glass.ID
			out.Reason = short + "; bypassed by break-glass " + glass.ID + " of " + glass.Person
			h.Grants = append(h.Grants, glass.ID)
		case t.late || !in.Now.Before(t.until):
			out.Outcome = fairlead.OutcomeDeny
			out.Reason = fmt.Sprintf("%s until %s", short, t.until.UTC().Format(time.RFC3339))
			out.Fix = "`fairlead retry` asks again"
			if h.Over == "" {
				h.Over, h.Expired = rule.Name+": nobody else approved in time: "+out.Reason, true
			}
		default:
			out.Outcome, out.Reason = fairlead.OutcomeWait, short
			out.Fix = "`fairlead approve " + in.RunID + "`"
			w.Needs = append(w.Needs, fairlead.Need{Rule: rule.Name, Count: rule.Count, Given: t.given, From: t.left, Until: t.until, Strangers: strangers})
		}
		h.Rules = append(h.Rules, out)
	}
}

// count is what a rule has.
type count struct {
	given []string  // who approved
	left  []string  // who else can
	until time.Time // the end of waiting
	late  bool      // it had passed before enough people had approved
}

// judgeVotes counts a rule's approvals: of different people, none of them an
// author of the change or the one who started the run, and none older than the
// rule allows. The question is open from when it is asked, and again from when
// approvals that were enough have expired; once it was open for too long it is
// over, whether or not anybody was there to notice.
func judgeVotes(in HoldInput, r Regime, rule fairlead.ApprovalRule, excluded map[string]string) count {
	b := ballot{rule: rule, people: Members(r.Safeguards, rule.From), excluded: excluded}
	for _, v := range r.Votes {
		if v.Question == in.Question && !v.Time.After(in.Now) {
			b.votes = append(b.votes, v)
		}
	}
	since, enough := in.Asked, b.enough(in.Asked)
	for _, at := range b.turns(in.Asked, in.Now) {
		if end := since.Add(rule.Expires.D()); !enough && !at.Before(end) {
			c := b.count(end)
			c.until, c.late = end, true
			return c
		}
		was := enough
		if enough = b.enough(at); was && !enough {
			since = at
		}
	}
	c := b.count(in.Now)
	c.until = since.Add(rule.Expires.D())
	return c
}

// ballot is one rule and the votes on it, oldest first.
type ballot struct {
	rule     fairlead.ApprovalRule
	people   []string
	excluded map[string]string
	votes    []fairlead.Approval
}

// turns gives the times after one and until another at which a vote came or
// expired, in order.
func (b ballot) turns(after, until time.Time) []time.Time {
	var all []time.Time
	for _, v := range b.votes {
		for _, at := range []time.Time{v.Time, v.Time.Add(b.rule.Expires.D())} {
			if at.After(after) && !at.After(until) {
				all = append(all, at)
			}
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

func (b ballot) enough(at time.Time) bool { return len(b.count(at).given) >= b.rule.Count }

// count counts the votes as they stand at a time: of each person the last that
// has not expired.
func (b ballot) count(at time.Time) count {
	valid := map[string]bool{}
	for _, v := range b.votes {
		if !v.Time.After(at) && at.Before(v.Time.Add(b.rule.Expires.D())) {
			valid[v.Person] = v.Vote == fairlead.VoteApprove
		}
	}
	c := count{given: []string{}, left: []string{}}
	for _, m := range b.people {
		_, no := b.excluded[m]
		switch {
		case no:
		case valid[m]:
			c.given = append(c.given, m)
		default:
			c.left = append(c.left, m)
		}
	}
	return c
}

// freezes adds what each freeze says.
func (h *Hold) freezes(in HoldInput, r Regime, w *fairlead.Waiting) {
	held := Frozen(r.Freezes, in.Now)
	for _, f := range r.Freezes {
		i := slices.IndexFunc(held, func(x fairlead.Held) bool { return x.Freeze == f.ID })
		if i < 0 {
			continue
		}
		x := held[i]
		out := fairlead.RuleOutcome{Name: "freeze " + f.ID, Outcome: fairlead.OutcomeWait, Reason: heldWords(x), Source: f.Source}
		if g := r.Past(fairlead.SkipFreezes); g != nil && slices.Contains(f.Except, exceptGlass) {
			out.Bypassed = g.ID
			out.Reason += "; bypassed by break-glass " + g.ID + " of " + g.Person
			h.Grants = append(h.Grants, g.ID)
		} else {
			out.Fix = "wait for its end, or `fairlead freeze lift` one that was added by hand"
			known := func(y fairlead.Held) bool { return y.Freeze == x.Freeze && y.Source == x.Source }
			if !slices.ContainsFunc(w.Freezes, known) {
				w.Freezes = append(w.Freezes, x)
			}
		}
		h.Rules = append(h.Rules, out)
	}
}

// exceptGlass is the exception of a freeze that break-glass may go past.
const exceptGlass = "break-glass"

func heldWords(x fairlead.Held) string {
	text := "nothing is released until it is lifted"
	if !x.Until.IsZero() {
		text = "nothing is released before " + x.Until.UTC().Format(time.RFC3339)
	}
	if x.Reason != "" {
		text += ": " + x.Reason
	}
	return text
}

func waitingWords(w fairlead.Waiting) string {
	var parts []string
	for _, n := range w.Needs {
		text := fmt.Sprintf("%s: %d of %s", n.Rule, len(n.Given), counted(n.Count, "approval"))
		if len(n.Given) > 0 {
			text += " (" + strings.Join(n.Given, ", ") + ")"
		}
		if why := strangerWords(n.Strangers); why != "" {
			text += ", " + why
		}
		if len(n.From) > 0 {
			text += ", waiting for " + strings.Join(n.From, " or ")
		} else {
			text += ", and nobody is left who can approve"
		}
		text += " until " + n.Until.UTC().Format(time.RFC3339)
		if !slices.Contains(parts, text) { // the plan and the live release may ask for the same
			parts = append(parts, text)
		}
	}
	for _, f := range w.Freezes {
		parts = append(parts, "freeze "+f.Freeze+": "+heldWords(f))
	}
	return strings.Join(parts, "; ")
}

// waitingUntil is when waiting is over at the latest: for people, when the
// first question runs out; for freezes alone, when the last one ends.
func waitingUntil(w fairlead.Waiting) time.Time {
	var until time.Time
	for _, n := range w.Needs {
		if until.IsZero() || n.Until.Before(until) {
			until = n.Until
		}
	}
	if w.Human {
		return until
	}
	for _, f := range w.Freezes {
		if f.Until.IsZero() {
			return time.Time{}
		}
		if f.Until.After(until) {
			until = f.Until
		}
	}
	return until
}
