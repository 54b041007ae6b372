package flow_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fairlead.dev"
	"fairlead.dev/flow"
)

// elections is how many random elections are held.
const elections = 60

// Whoever votes, as often as he likes and under whatever name: a run goes on
// exactly when enough different people approved it, each by his own signature,
// none of whom made the change or started the run.
func TestNoVotesOfTheWrongPeopleLetARunGoOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	people, n := []string{"alice", "bob", "dana"}, 0
	passed := 0
	rapid.Check(t, func(rt *rapid.T) {
		if n++; n > elections {
			return
		}
		p := canary(fmt.Sprintf("election%d", n), guardedBy, func(p *fairlead.Plan) {
			p.Service = fmt.Sprintf("e%d", n)
			p.Safeguards.Approvals[0].From = people
			p.Safeguards.Approvals[0].Count = rapid.IntRange(1, 2).Draw(rt, "count")
			p.Event.Author = rapid.SampledFrom(people).Draw(rt, "author") + "@example.org"
			p.Event.Trigger = rapid.SampledFrom(people).Draw(rt, "trigger")
		})
		run := fairlead.Run{ID: fmt.Sprintf("e%d", n), Plan: p.Hash, Commit: p.Event.Commit}
		asked := time.Now().UTC().Add(-time.Minute)
		var honest []string
		for i := range rapid.IntRange(0, 6).Draw(rt, "votes") {
			voter := rapid.SampledFrom(append([]string{"eve"}, people...)).Draw(rt, "voter")
			as := rapid.SampledFrom(append([]string{voter, voter}, people...)).Draw(rt, "in the name of")
			r.say(r.key, run, run.ID, voter, fmt.Sprint(i), func(a *fairlead.Approval) { a.Person = as })
			made, started := as+"@example.org" == p.Event.Author, as == p.Event.Trigger
			if as == voter && as != "eve" && !made && !started && !slices.Contains(honest, as) {
				honest = append(honest, as)
			}
		}
		h, err := r.parts.Desk.Look(t.Context(), flow.Asking{RunID: run.ID, Plan: p, Question: fairlead.QuestionRelease, Asked: asked}, time.Now().UTC())
		if err != nil {
			rt.Fatal(err)
		}
		goesOn := h.Waiting == nil && h.Over == ""
		if want := len(honest) >= p.Safeguards.Approvals[0].Count; goesOn != want {
			rt.Fatalf("it goes on: %v, with the honest approvals %v of %d; author %s, started by %s; %+v",
				goesOn, honest, p.Safeguards.Approvals[0].Count, p.Event.Author, p.Event.Trigger, h)
		}
		if goesOn {
			passed++
		}
		if r.Failed() {
			rt.FailNow()
		}
	})
	if passed == 0 {
		t.Error("no election let a run go on")
	}
}
