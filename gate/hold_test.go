package gate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fairlead.dev"
)

var asked = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

// ours is a change of somebody known.
var ours = fairlead.Event{Author: "dana@example.org"}

// crew are four people; dana wrote the change and eve started the run.
func crew() fairlead.Safeguards {
	s := fairlead.Safeguards{Groups: []fairlead.Group{{Name: "dba", Members: []string{"alice", "bob", "dana"}}}}
	for _, n := range []string{"alice", "bob", "dana", "eve"} {
		s.People = append(s.People, fairlead.Person{Name: n, Emails: []string{n + "@example.org"}, Accounts: []string{n}})
	}
	return s
}

func dba(count int) fairlead.ApprovalRule {
	return fairlead.ApprovalRule{Name: "dba", Count: count, From: []string{"group:dba"}, Expires: fairlead.Duration(24 * time.Hour), Source: "test"}
}

func vote(person string, v fairlead.Vote, after time.Duration) fairlead.Approval {
	return fairlead.Approval{RunID: "r1", Question: fairlead.QuestionRelease, Vote: v, Person: person, Reason: "because", Time: asked.Add(after)}
}

func hold(after time.Duration, rules []fairlead.ApprovalRule, votes ...fairlead.Approval) Hold {
	return Holding(HoldInput{
		Question: fairlead.QuestionRelease, RunID: "r1", Asked: asked, Now: asked.Add(after),
		Event:   fairlead.Event{Author: "DANA@example.org", Trigger: "eve"},
		Regimes: []Regime{{Name: "this plan", Safeguards: crew(), Rules: rules, Votes: votes}},
	})
}

func TestHolding(t *testing.T) {
	yes, no := fairlead.VoteApprove, fairlead.VoteReject
	h := time.Hour
	other := vote("alice", yes, h)
	other.Question = "something else"
	for _, tt := range []struct {
		name  string
		rule  fairlead.ApprovalRule
		after time.Duration
		votes []fairlead.Approval
		want  string // words of what holds or ended it; "" = it goes on
	}{
		{"nobody yet", dba(1), h, nil, "0 of 1 approval, waiting for alice or bob"},
		{"one of two", dba(2), h, []fairlead.Approval{vote("alice", yes, h)}, "1 of 2 approvals (alice), waiting for bob"},
		{"two", dba(2), h, []fairlead.Approval{vote("alice", yes, h), vote("bob", yes, h)}, ""},
		{"one twice", dba(2), h, []fairlead.Approval{vote("alice", yes, h), vote("alice", yes, h)}, "1 of 2"},
		{"the author", dba(1), h, []fairlead.Approval{vote("dana", yes, h)}, "0 of 1"},
		{"who started it", fairlead.ApprovalRule{Name: "any", Count: 1, Expires: dba(1).Expires}, h, []fairlead.Approval{vote("eve", yes, h)}, "0 of 1"},
		{"somebody else", dba(1), h, []fairlead.Approval{vote("mallory", yes, h)}, "0 of 1"},
		{"not of the group", dba(1), h, []fairlead.Approval{vote("eve", yes, h)}, "0 of 1"},
		{"another question", dba(1), h, []fairlead.Approval{other}, "0 of 1"},
		{"rejected", dba(1), h, []fairlead.Approval{vote("alice", yes, h), vote("bob", no, h)}, "rejected by bob: because"},
		{"rejected by somebody who is not asked", dba(1), h, []fairlead.Approval{vote("eve", no, h)}, "0 of 1"},
		{"nobody in time", dba(1), 24 * h, nil, "nobody else approved in time"},
		{"too late, when no process was there", dba(1), 30 * h, []fairlead.Approval{vote("alice", yes, 25*h)}, "nobody else approved in time"},
		{"the last second", dba(1), 30 * h, []fairlead.Approval{vote("alice", yes, 24*h-time.Second)}, ""},
		{"it does not count for ever", dba(1), 26 * h, []fairlead.Approval{vote("alice", yes, h)}, "0 of 1 approval, waiting for alice or bob until 2026-11-04T09:00:00Z"},
		{
			"one of two expires, which makes no more time", dba(2), 30 * h,
			[]fairlead.Approval{vote("alice", yes, h), vote("bob", yes, 26*h), vote("alice", yes, 27*h)},
			"nobody else approved in time",
		},
		{
			"two were enough, and one expires", dba(2), 25*h + h/2,
			[]fairlead.Approval{vote("alice", yes, h), vote("bob", yes, 2*h)},
			"1 of 2 approvals (bob), waiting for alice until 2026-11-04T09:00:00Z",
		},
		{"given before, as by the run it repeats", dba(1), h, []fairlead.Approval{vote("alice", yes, -h)}, ""},
		{"given too long before", dba(1), h, []fairlead.Approval{vote("alice", yes, -24*h)}, "0 of 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := hold(tt.after, []fairlead.ApprovalRule{tt.rule}, tt.votes...)
			text := got.Over
			if got.Waiting != nil {
				text = got.Waiting.Text
			}
			if tt.want == "" && text != "" || !strings.Contains(text, tt.want) {
				t.Errorf("%q, want %q", text, tt.want)
			}
		})
	}
}

// Whoever wrote a part of the change approves none of it, whatever the case of
// his address.
func TestCoAuthorsAreExcluded(t *testing.T) {
	ev := fairlead.Event{Author: "dana@example.org", Authors: []string{"dana@example.org", "Alice@Example.org"}, Trigger: "eve"}
	want := map[string]string{"dana": "is an author of the change", "alice": "is an author of the change", "eve": "started the run"}
	if got := Excluded(crew(), ev); !maps.Equal(got, want) {
		t.Errorf("excluded are %v, want %v", got, want)
	}
}

// What the plan and the live release both ask for is said once.
func TestTheSameNeedIsSaidOnce(t *testing.T) {
	same := Regime{Safeguards: crew(), Rules: []fairlead.ApprovalRule{dba(1)}}
	h := Holding(HoldInput{Question: fairlead.QuestionRelease, RunID: "r1", Asked: asked, Now: asked, Event: ours, Regimes: []Regime{same, same}})
	if h.Waiting == nil || len(h.Waiting.Needs) != 2 || strings.Count(h.Waiting.Text, "0 of 1 approval") != 1 {
		t.Errorf("%+v", h.Waiting)
	}
}

// Both sets of safeguards have to be satisfied, each by its own people.
func TestNoChangeLowersItsBar(t *testing.T) {
	loose := crew()
	loose.People = append(loose.People, fairlead.Person{Name: "mallory"})
	yes := []fairlead.Approval{vote("mallory", fairlead.VoteApprove, 0)}
	in := HoldInput{
		Question: fairlead.QuestionRelease, RunID: "r1", Asked: asked, Now: asked, Event: ours,
		Regimes: []Regime{
			{Name: "this plan", Safeguards: loose, Rules: []fairlead.ApprovalRule{{Name: "any", Count: 1, Expires: dba(1).Expires}}, Votes: yes},
			{Name: "the live release", Safeguards: crew(), Rules: []fairlead.ApprovalRule{dba(1)}},
		},
	}
	if h := Holding(in); h.Waiting == nil || len(h.Waiting.Needs) != 1 || h.Waiting.Needs[0].Rule != "dba" {
		t.Errorf("%+v", h)
	}
}

func TestBreakGlassSkipsWhatItMay(t *testing.T) {
	g := fairlead.Grant{ID: "b1", Person: "alice", Skips: []string{fairlead.SkipApprovals}}
	frozen := []fairlead.Freeze{{ID: "f", TZ: "UTC", From: "2020-01-01", Except: []string{"break-glass"}}, {ID: "hard", TZ: "UTC", From: "2020-01-01", Except: []string{}}}
	in := HoldInput{Question: fairlead.QuestionRelease, Asked: asked, Now: asked, Event: ours, Regimes: []Regime{
		{Safeguards: crew(), Rules: []fairlead.ApprovalRule{dba(1)}, Freezes: frozen, Grants: []fairlead.Grant{g}},
	}}
	h := Holding(in)
	if h.Waiting == nil || h.Waiting.Human || len(h.Waiting.Freezes) != 2 || !slices.Equal(h.Grants, []string{"b1"}) {
		t.Errorf("approvals alone: %+v", h)
	}
	in.Regimes[0].Grants = []fairlead.Grant{g, {ID: "b2", Person: "alice", Skips: []string{fairlead.SkipFreezes}}} // a newer one takes nothing away
	h = Holding(in)
	if h.Waiting == nil || len(h.Waiting.Freezes) != 1 || h.Waiting.Freezes[0].Freeze != "hard" {
		t.Errorf("freezes as well: %+v", h)
	}
	past := map[string]string{"dba": "b1", "freeze f": "b2"}
	for _, r := range h.Rules {
		if by := past[r.Name]; by != "" && (r.Bypassed != by || r.Outcome != fairlead.OutcomeWait) {
			t.Errorf("%s is %s, bypassed %q: it did not hold", r.Name, r.Outcome, r.Bypassed)
		}
	}
}

// An approval is never satisfied by an author of the change, by whoever started
// the run, by one person twice or by anybody who is not asked; and no time that
// passes satisfies one.
func TestApprovalIsNeverSatisfiedByItsAuthor(t *testing.T) {
	names := []string{"alice", "bob", "dana", "eve"}
	rapid.Check(t, func(t *rapid.T) {
		in := drawHold(t, names)
		h := Holding(in)
		if h.Waiting != nil || h.Over != "" {
			return
		}
		for _, r := range in.Regimes {
			for _, rule := range r.Rules {
				// Whoever of these is behind an address that nobody knows, enough others are left.
				strangers := map[string]bool{}
				for _, a := range append([]string{in.Event.Author}, in.Event.Authors...) {
					if name, _, _ := strings.Cut(a, "@"); a != "" && !slices.Contains(names, name) {
						strangers[a] = true
					}
				}
				if got := honest(in, r, rule); len(got)-len(strangers) < rule.Count {
					t.Fatalf("it goes on, though %s has %v of %d, and %v may be some of them", rule.Name, got, rule.Count, strangers)
				}
			}
		}
		without := in
		without.Regimes = slices.Clone(in.Regimes)
		for i := range without.Regimes {
			without.Regimes[i].Votes = nil
		}
		without.Now = in.Now.Add(time.Duration(rapid.Int64Range(0, int64(1000*time.Hour)).Draw(t, "later")))
		if h := Holding(without); h.Waiting == nil && h.Over == "" && in.Regimes[0].Rules != nil {
			t.Fatal("time alone satisfied it")
		}
	})
}

// honest says again, in the plainest words, whose approvals count.
func honest(in HoldInput, r Regime, rule fairlead.ApprovalRule) []string {
	var out []string
	for _, v := range r.Votes {
		p, known := PersonNamed(r.Safeguards, v.Person)
		fresh := !v.Time.After(in.Now) && in.Now.Sub(v.Time) < rule.Expires.D()
		mine := slices.Contains(p.Emails, in.Event.Author) || slices.ContainsFunc(in.Event.Authors, func(a string) bool { return slices.Contains(p.Emails, a) })
		started := slices.Contains(p.Accounts, in.Event.Trigger)
		asked := slices.Contains(rule.From, v.Person) || len(rule.From) == 0 || slices.Contains(rule.From, "group:dba") && slices.Contains(r.Safeguards.Groups[0].Members, v.Person)
		if known && fresh && !mine && !started && asked && v.Vote == fairlead.VoteApprove && v.Question == in.Question && !slices.Contains(out, v.Person) {
			out = append(out, v.Person)
		}
	}
	return out
}

func drawHold(t *rapid.T, names []string) HoldInput {
	in := HoldInput{Question: fairlead.QuestionRelease, RunID: "r1", Asked: asked}
	in.Now = asked.Add(time.Duration(rapid.Int64Range(0, int64(60*time.Hour)).Draw(t, "now")))
	in.Event.Author = rapid.SampledFrom(append(names, "stranger", "other")).Draw(t, "author") + "@example.org"
	if rapid.Bool().Draw(t, "co-author") {
		in.Event.Authors = []string{rapid.SampledFrom(append(names, "stranger", "third")).Draw(t, "second author") + "@example.org"}
	}
	in.Event.Trigger = rapid.SampledFrom(append(names, "ci")).Draw(t, "trigger")
	var votes []fairlead.Approval
	for i := range rapid.IntRange(0, 8).Draw(t, "votes") {
		v := vote(rapid.SampledFrom(append(names, "mallory")).Draw(t, "voter"), fairlead.VoteApprove, 0)
		if rapid.IntRange(0, 9).Draw(t, "no") == 0 {
			v.Vote = fairlead.VoteReject
		}
		v.Time = asked.Add(time.Duration(rapid.Int64Range(int64(-30*time.Hour), int64(60*time.Hour)).Draw(t, "time")))
		v.ID = fmt.Sprint(i)
		votes = append(votes, v)
	}
	slices.SortStableFunc(votes, func(a, b fairlead.Approval) int { return a.Time.Compare(b.Time) })
	for range rapid.IntRange(1, 2).Draw(t, "regimes") {
		r := Regime{Safeguards: crew(), Votes: votes}
		for i := range rapid.IntRange(1, 2).Draw(t, "rules") {
			r.Rules = append(r.Rules, fairlead.ApprovalRule{
				Name: fmt.Sprint(i), Count: rapid.IntRange(1, 3).Draw(t, "count"), Expires: fairlead.Duration(24 * time.Hour),
				From: rapid.SampledFrom([][]string{nil, {"group:dba"}, {"alice"}, {"eve", "group:dba"}}).Draw(t, "from"),
			})
		}
		in.Regimes = append(in.Regimes, r)
	}
	return in
}

func TestUnsatisfiable(t *testing.T) {
	ev := fairlead.Event{Author: "dana@example.org", Trigger: "bob"}
	for count, want := range map[int]string{1: "", 2: "but only alice may give one: bob started the run, dana is an author of the change"} {
		got := strings.Join(Unsatisfiable(crew(), []fairlead.ApprovalRule{dba(count)}, ev), "; ")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%d: %q, want %q", count, got, want)
		}
	}
}

// An author whom nobody knows may be one of those who approve: one more of
// them has to, and it is said why.
func TestUnknownAuthors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		event  fairlead.Event
		votes  []string
		want   string // words of what holds; "" = it goes on
		cannot string // words of why it never can
	}{
		{"one, and one approval", fairlead.Event{Author: "x@home.example"}, []string{"alice"}, "1 of 2 approvals (alice), 1 more because nobody under people is x@home.example, waiting for bob", ""},
		{"one, and two", fairlead.Event{Author: "x@home.example"}, []string{"alice", "bob"}, "", ""},
		{"the same in capitals", fairlead.Event{Author: "x@home.example", Authors: []string{"X@Home.example"}}, []string{"alice", "bob"}, "", ""},
		{"known in capitals", fairlead.Event{Author: "Dana@Example.org"}, []string{"alice"}, "", ""},
		{"a co-author", fairlead.Event{Author: "dana@example.org", Authors: []string{"dana@example.org", "x@home.example"}}, []string{"alice"}, "1 of 2 approvals", ""},
		{"two", fairlead.Event{Author: "x@home.example", Authors: []string{"x@home.example", "y@home.example"}}, []string{"alice", "bob"}, "2 of 3 approvals", ""},
		{"three", fairlead.Event{Authors: []string{"x@home.example", "y@home.example", "z@home.example"}}, []string{"alice", "bob", "dana"}, "3 of 4 approvals", "but only alice, bob, dana may give one"},
		{"no author at all", fairlead.Event{}, []string{"alice"}, "1 more because nobody under people is an author without an address", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Regime{Name: "this plan", Safeguards: crew(), Rules: []fairlead.ApprovalRule{dba(1)}}
			for _, name := range tt.votes {
				r.Votes = append(r.Votes, vote(name, fairlead.VoteApprove, time.Hour))
			}
			h := Holding(HoldInput{Question: fairlead.QuestionRelease, RunID: "r1", Asked: asked, Now: asked.Add(2 * time.Hour), Event: tt.event, Regimes: []Regime{r}})
			text := h.Over
			if h.Waiting != nil {
				text = h.Waiting.Text
			}
			if tt.want == "" && text != "" || !strings.Contains(text, tt.want) {
				t.Errorf("%q, want %q", text, tt.want)
			}
			if got := strings.Join(Unsatisfiable(crew(), r.Rules, tt.event), "; "); (got == "") != (tt.cannot == "") || !strings.Contains(got, tt.cannot) {
				t.Errorf("it can never be given: %q, want %q", got, tt.cannot)
			}
		})
	}
}
