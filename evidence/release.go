package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"fairlead.dev"
)

// Entry is a release at the door of an environment, with its papers.
type Entry struct {
	Environment string
	Service     string
	Release     fairlead.Release
	Decision    fairlead.Evidence   // the signed decision that lets it in
	Builds      []fairlead.Evidence // what made its artifacts
}

// decision is the predicate of PredicateDecision.
type decision struct {
	Decision fairlead.Decision `json:"decision"`
	Service  string            `json:"service"` // "" when the decision is about several, which it names
}

// build is what VerifyRelease reads of a PredicateBuild predicate.
type build struct {
	Commit string `json:"commit"`
}

// reusedBuild is added to the predicate of a build that was not repeated.
type reusedBuild struct {
	RunID  string `json:"run_id"`
	TaskID string `json:"task_id"`
	Commit string `json:"commit"`
}

// DecisionClaim is the claim of a decision: about the release and its
// artifacts, or about the commit when there is nothing to release. Of a
// release of several services it is about all of theirs.
func DecisionClaim(d fairlead.Decision, releases ...fairlead.Release) fairlead.Claim {
	p := decision{Decision: d}
	if len(releases) == 1 {
		p.Service = releases[0].Service
	}
	c := fairlead.Claim{PredicateType: fairlead.PredicateDecision, Predicate: encode(p)}
	if len(releases) == 0 || releases[0].ID == "" {
		return About(c, d.Commit)
	}
	for _, r := range releases {
		name := "release"
		if len(releases) > 1 {
			name += " of " + r.Service
		}
		c.Subjects = append(c.Subjects, fairlead.Subject{Name: name, Digest: r.ID})
		for _, a := range r.Artifacts {
			if s := (fairlead.Subject{Name: a.Name, Digest: a.Digest}); !slices.Contains(c.Subjects, s) {
				c.Subjects = append(c.Subjects, s)
			}
		}
	}
	return c
}

// ReusedBuildClaim is the claim of a build task whose result was taken over
// for another commit because nothing it reads had changed. s is the verified
// statement of the build that was really done, which the claim names.
// KindInvalid when s is not about a build.
func ReusedBuildClaim(s Statement, commit string) (fairlead.Claim, error) {
	fields := map[string]json.RawMessage{}
	var b build
	err := errors.Join(json.Unmarshal(s.Predicate, &fields), json.Unmarshal(s.Predicate, &b))
	if err != nil || s.PredicateType != fairlead.PredicateBuild {
		return fairlead.Claim{}, &fairlead.Problem{
			Op: "reuse build", Kind: fairlead.KindInvalid,
			Err: errors.Join(fmt.Errorf("the statement is a %q", s.PredicateType), err),
		}
	}
	fields["commit"] = encode(commit)
	if _, again := fields["reused"]; !again {
		fields["reused"] = encode(reusedBuild{RunID: s.RunID, TaskID: s.TaskID, Commit: b.Commit})
	}
	return fairlead.Claim{PredicateType: s.PredicateType, Subjects: s.Subjects, Predicate: encode(fields)}, nil
}

// VerifyRelease tells whether e may start: a trusted key signed a decision
// that allows exactly this release of this commit here, and every artifact
// comes from a build of this commit that a trusted key vouches for. Any doubt
// is KindDenied with its own reason and hint.
func VerifyRelease(t Trust, e Entry) error {
	if err := verifyIdentity(e); err != nil {
		return err
	}
	if err := verifyDecision(t, e); err != nil {
		return err
	}
	return verifyBuilds(t, e)
}

// verifyIdentity checks what needs no signature.
func verifyIdentity(e Entry) error {
	if want := e.Release.Identify().ID; e.Release.ID != want {
		return refuse("the release was changed after it was made: run the delivery again",
			fmt.Errorf("release %s: its content has digest %s", e.Release.ID.Short(), want.Short()))
	}
	if e.Release.Service != e.Service {
		return refuse("deliver it as the service it was made for",
			fmt.Errorf("release %s is of service %q, not %q", e.Release.ID.Short(), e.Release.Service, e.Service))
	}
	if e.Release.Commit == "" {
		return refuse("release a commit", fmt.Errorf("release %s is of no commit", e.Release.ID.Short()))
	}
	if len(e.Release.Artifacts) == 0 {
		return refuse("name the build's outputs under artifacts: only what was built and proven is started",
			fmt.Errorf("release %s has no artifacts", e.Release.ID.Short()))
	}
	return nil
}

func verifyDecision(t Trust, e Entry) error {
	const again = "let the gate decide about this release: run the delivery again"
	if len(e.Decision.Envelope) == 0 {
		return refuse(again, fmt.Errorf("release %s has no decision", e.Release.ID.Short()))
	}
	s, err := t.Verify(e.Decision)
	if err != nil {
		return fmt.Errorf("decision: %w", err)
	}
	if s.PredicateType != fairlead.PredicateDecision {
		return refuse(again, fmt.Errorf("the decision is a %q", s.PredicateType))
	}
	var p decision
	if err := json.Unmarshal(s.Predicate, &p); err != nil {
		return refuse(again, fmt.Errorf("read decision: %w", err))
	}
	d := p.Decision
	if release, ok := d.Releases[e.Service]; ok && d.Release == "" && p.Service == "" {
		d.Release, p.Service = release, e.Service
	}
	switch {
	case d.Outcome != fairlead.OutcomeAllow && d.Outcome != fairlead.OutcomeWarn:
		return refuse("see why with: fairlead why "+d.ID, fmt.Errorf("decision %s is %q", d.ID, d.Outcome))
	case d.Release != e.Release.ID:
		return refuse(again, fmt.Errorf("decision %s is for release %s, not %s", d.ID, d.Release.Short(), e.Release.ID.Short()))
	case d.Environment != e.Environment:
		return refuse(again, fmt.Errorf("decision %s is for environment %q, not %q", d.ID, d.Environment, e.Environment))
	case p.Service != e.Service:
		return refuse(again, fmt.Errorf("decision %s is for service %q, not %q", d.ID, p.Service, e.Service))
	case d.Commit != e.Release.Commit:
		return refuse(again, fmt.Errorf("decision %s is for commit %.12s, not %.12s", d.ID, d.Commit, e.Release.Commit))
	case d.RunID != s.RunID:
		return refuse(again, fmt.Errorf("decision %s is of run %q, signed for %q", d.ID, d.RunID, s.RunID))
	}
	return nil
}

func verifyBuilds(t Trust, e Entry) error {
	const rebuild = "build it in the delivery: only artifacts with build evidence for this commit are started"
	proven := map[fairlead.Digest]bool{}
	other := map[fairlead.Digest]string{} // proven for another commit
	for _, row := range e.Builds {
		if row.PredicateType != fairlead.PredicateBuild {
			continue
		}
		s, err := t.Verify(row)
		if err != nil {
			return fmt.Errorf("build evidence: %w", err)
		}
		var b build
		if err := json.Unmarshal(s.Predicate, &b); err != nil {
			return refuse(rebuild, fmt.Errorf("read build evidence %s: %w", row.ID.Short(), err))
		}
		for _, sub := range s.Subjects {
			if b.Commit == e.Release.Commit {
				proven[sub.Digest] = true
			} else {
				other[sub.Digest] = b.Commit
			}
		}
	}
	for _, a := range e.Release.Artifacts {
		if proven[a.Digest] {
			continue
		}
		if commit, ok := other[a.Digest]; ok {
			return refuse(rebuild, fmt.Errorf("artifact %s was built from commit %.12s, not %.12s", a.Name, commit, e.Release.Commit))
		}
		return refuse(rebuild, fmt.Errorf("artifact %s (%s) has no build evidence", a.Name, a.Digest.Short()))
	}
	return nil
}

// encode is for values that always have a JSON encoding.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("evidence: encode predicate: " + err.Error())
	}
	return b
}
