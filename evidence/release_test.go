package evidence

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev"
)

// entryCase is an entry that is edited, and the refusal it gets.
type entryCase struct {
	name string
	edit func(*Entry)
	want string // "" is let in
}

func enter(t *testing.T, b bench, cases []entryCase) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			e := b.entry()
			tt.edit(&e)
			err := VerifyRelease(b.trust, e)
			if tt.want != "" {
				refused(t, err, tt.want)
			} else if err != nil {
				t.Errorf("refused: %v", err)
			}
		})
	}
}

// One decision may let in several releases, each as the service it is of.
func TestOneDecisionOnSeveralServices(t *testing.T) {
	b := newBench(t)
	several := func(releases map[string]fairlead.Digest, more ...fairlead.Release) func(*Entry) {
		return func(e *Entry) {
			d := decisionFor(e.Release)
			d.Release, d.Releases = "", releases
			e.Decision = b.signAs(b.signer, "run-1", "", DecisionClaim(d, append(more, e.Release)...))
		}
	}
	shop := b.entry().Release
	bank := fairlead.Release{Service: "bank", Commit: commit, Artifacts: shop.Artifacts}.Identify()
	enter(t, b, []entryCase{
		{"both", several(map[string]fairlead.Digest{"shop": shop.ID, "bank": bank.ID}, bank), ""},
		{"not this one", several(map[string]fairlead.Digest{"bank": bank.ID}, bank), "is for release"},
		{"another release of this one", several(map[string]fairlead.Digest{"shop": bank.ID, "bank": bank.ID}, bank), "is for release"},
		{"as another one", func(e *Entry) {
			several(map[string]fairlead.Digest{"shop": shop.ID, "bank": bank.ID}, bank)(e)
			e.Service = "bank"
		}, `is of service "shop", not "bank"`},
	})
}

func TestReleaseEntersOnlyWithItsPapers(t *testing.T) {
	b := newBench(t)
	stranger := open(t, filepath.Join(t.TempDir(), "keys"))
	enter(t, b, []entryCase{
		{"as it was made", func(*Entry) {}, ""},
		{"with a warning", func(e *Entry) { b.decide(e, func(d *fairlead.Decision) { d.Outcome = fairlead.OutcomeWarn }) }, ""},
		{"with other evidence beside", func(e *Entry) {
			e.Builds = append(e.Builds, b.sign(fairlead.Claim{PredicateType: fairlead.PredicateTest, Subjects: e.Builds[0].Subjects, Predicate: encode(map[string]int{"a": 1})}))
		}, ""},
		{"command changed", func(e *Entry) { e.Release.Command = []string{"sh"} }, "its content has digest"},
		{"command changed and identified again", func(e *Entry) { e.Release.Command = []string{"sh"}; e.Release = e.Release.Identify() }, "is for release"},
		{"artifact swapped and identified again", func(e *Entry) {
			e.Release.Artifacts = []fairlead.Artifact{artifact("evil")}
			e.Release = e.Release.Identify()
		}, "is for release"},
		{"environment of the release changed", func(e *Entry) { e.Release.Env = map[string]string{"A": "b"}; e.Release = e.Release.Identify() }, "is for release"},
		{"another environment", func(e *Entry) { e.Environment = "staging" }, `is for environment "production", not "staging"`},
		{"another service", func(e *Entry) { e.Service = "bank" }, `is of service "shop", not "bank"`},
		{"denied", func(e *Entry) { b.decide(e, func(d *fairlead.Decision) { d.Outcome = fairlead.OutcomeDeny }) }, `is "deny"`},
		{"waiting", func(e *Entry) { b.decide(e, func(d *fairlead.Decision) { d.Outcome = fairlead.OutcomeWait }) }, `is "wait"`},
		{"no outcome", func(e *Entry) { b.decide(e, func(d *fairlead.Decision) { d.Outcome = "" }) }, `is ""`},
		{"decision for another commit", func(e *Entry) { b.decide(e, func(d *fairlead.Decision) { d.Commit = strings.Repeat("cd", 20) }) }, "is for commit cdcdcdcdcdcd"},
		{"decision for no release", func(e *Entry) { b.decide(e, func(d *fairlead.Decision) { d.Release = "" }) }, "is for release"},
		{"decision of another run", func(e *Entry) { b.decide(e, func(d *fairlead.Decision) { d.RunID = "run-9" }) }, `is of run "run-9"`},
		{"decision for another service", func(e *Entry) {
			other := e.Release
			other.Service = "bank"
			e.Decision = b.signAs(b.signer, "run-1", "", DecisionClaim(decisionFor(e.Release), other))
		}, `is for service "bank"`},
		{"no decision", func(e *Entry) { e.Decision = fairlead.Evidence{} }, "has no decision"},
		{"decision by a stranger", func(e *Entry) {
			e.Decision = b.signAs(stranger, "run-1", "", DecisionClaim(decisionFor(e.Release), e.Release))
		}, "not trusted"},
		{"build evidence as decision", func(e *Entry) { e.Decision = e.Builds[0] }, "the decision is a"},
	})
}

func TestReleaseEntersOnlyWithProvenArtifacts(t *testing.T) {
	b := newBench(t)
	stranger := open(t, filepath.Join(t.TempDir(), "keys"))
	enter(t, b, []entryCase{
		{"no build evidence", func(e *Entry) { e.Builds = nil }, "artifact bin/shop (" + artifact("shop").Digest.Short() + ") has no build evidence"},
		{"build evidence of something else", func(e *Entry) { e.Builds = []fairlead.Evidence{b.sign(buildClaim(commit, artifact("tool")))} }, "has no build evidence"},
		{"build evidence of another commit", func(e *Entry) {
			e.Builds = []fairlead.Evidence{b.sign(buildClaim(strings.Repeat("cd", 20), artifact("shop")))}
		}, "was built from commit cdcdcdcdcdcd"},
		{"build evidence by a stranger", func(e *Entry) {
			e.Builds = []fairlead.Evidence{b.signAs(stranger, "run-1", "build", buildClaim(commit, artifact("shop")))}
		}, "not trusted"},
		{"build evidence with a swapped subject", func(e *Entry) {
			e.Builds = []fairlead.Evidence{b.sign(buildClaim(commit, artifact("tool")))}
			e.Builds[0].Subjects = buildClaim(commit, artifact("shop")).Subjects
		}, "other subjects"},
		{"scan passed off as build", func(e *Entry) {
			c := buildClaim(commit, artifact("shop"))
			c.PredicateType = fairlead.PredicateScan
			e.Builds = []fairlead.Evidence{b.sign(c)}
			e.Builds[0].PredicateType = fairlead.PredicateBuild
		}, "predicate type"},
		{"no artifacts", func(e *Entry) {
			e.Release.Artifacts = nil
			e.Release = e.Release.Identify()
			b.decide(e, func(*fairlead.Decision) {})
		}, "has no artifacts"},
		{"no commit anywhere", func(e *Entry) {
			e.Release.Commit = ""
			e.Release = e.Release.Identify()
			b.decide(e, func(*fairlead.Decision) {})
			e.Builds = []fairlead.Evidence{b.sign(buildClaim("", artifact("shop")))}
		}, "is of no commit"},
	})
}

func TestReusedBuildNamesTheRealOne(t *testing.T) {
	b := newBench(t)
	e := b.entry()
	for _, next := range []string{strings.Repeat("01", 20), strings.Repeat("02", 20)} { // reused twice in a row
		s, err := b.trust.Verify(e.Builds[0])
		if err != nil {
			t.Fatal(err)
		}
		c, err := ReusedBuildClaim(s, next)
		if err != nil {
			t.Fatal(err)
		}
		e.Builds = []fairlead.Evidence{b.signAs(b.signer, "run-2", "build", c)}
		e.Release.Commit = next
	}
	e.Release = e.Release.Identify()
	b.decide(&e, func(*fairlead.Decision) {})
	if err := VerifyRelease(b.trust, e); err != nil {
		t.Error(err)
	}
	s, err := b.trust.Verify(e.Builds[0])
	if err != nil || !bytes.Contains(s.Predicate, []byte(`"reused":{"run_id":"run-1","task_id":"build","commit":"`+commit+`"}`)) {
		t.Errorf("predicate %s, %v", s.Predicate, err)
	}
	if _, err := ReusedBuildClaim(Statement{PredicateType: fairlead.PredicateTest, Predicate: encode(map[string]int{})}, commit); fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("a test passed off as a build: %v", err)
	}
}

func TestDecisionWithoutReleaseIsAboutTheCommit(t *testing.T) {
	b := newBench(t)
	d := decisionFor(fairlead.Release{Commit: commit})
	s, err := b.trust.Verify(b.signAs(b.signer, "run-1", "", DecisionClaim(d, fairlead.Release{})))
	if err != nil || len(s.Subjects) != 1 || s.Subjects[0] != CommitSubject(commit) {
		t.Errorf("%v, %v", s.Subjects, err)
	}
}
