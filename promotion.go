package fairlead

import (
	"strings"
	"time"
)

// Promotion says what a plan releases instead of building it: the very
// artifacts of a release that was good in another environment.
type Promotion struct {
	From      string     `json:"from"`      // environment that the release comes from
	Run       string     `json:"run"`       // run that released it there; its build is taken over
	Release   Digest     `json:"release"`   // Release.ID there; "" of several services
	Artifacts []Artifact `json:"artifacts"` // exactly what is released, of all services
	// Services are the releases that were good there as one, in order; none of one service.
	Services []ServicePromotion `json:"services,omitempty"`
}

// ServicePromotion is the part of a promotion that is about one of several services.
type ServicePromotion struct {
	Service   string     `json:"service"`
	Release   Digest     `json:"release"` // Release.ID where it comes from
	Artifacts []Artifact `json:"artifacts"`
}

// Of gives the promotion of one of several services; false when that is not promoted.
func (p Promotion) Of(service string) (Promotion, bool) {
	for _, s := range p.Services {
		if s.Service == service {
			return Promotion{From: p.From, Run: p.Run, Release: s.Release, Artifacts: s.Artifacts}, true
		}
	}
	return Promotion{}, false
}

// Words names what is promoted: "release 4f1c..." or "releases 4f1c... of api, 77ab... of web".
func (p Promotion) Words() string {
	if len(p.Services) == 0 {
		return "release " + p.Release.Short()
	}
	all := make([]string, 0, len(p.Services))
	for _, s := range p.Services {
		all = append(all, s.Release.Short()+" of "+s.Service)
	}
	return "releases " + strings.Join(all, ", ")
}

// ValidFor says how long what a task has proven counts when it is taken over
// by another run, by the kind of task. 0 is without limit; a configuration
// cannot say that.
type ValidFor struct {
	Build  Duration `json:"build"`
	Tests  Duration `json:"tests"`
	Scans  Duration `json:"scans"`
	SBOM   Duration `json:"sbom"`
	Others Duration `json:"others"` // every other step type
}

// Of is the limit for a task of a step type.
func (v ValidFor) Of(stepType string) Duration {
	kind, _, _ := strings.Cut(stepType, ".")
	switch kind {
	case "build":
		return v.Build
	case "test":
		return v.Tests
	case "scan":
		return v.Scans
	case "sbom":
		return v.SBOM
	default:
		return v.Others
	}
}

// Revocation takes evidence back: from then on it never counts again, nor does
// what other runs have taken over from it. It is a fact like a record: it is
// never changed or removed.
type Revocation struct {
	Evidence Digest    `json:"evidence"` // Evidence.ID of the original, not of one that repeats it
	RunID    string    `json:"run_id"`   // run that left it
	TaskID   string    `json:"task_id,omitempty"`
	Who      string    `json:"who"`
	Reason   string    `json:"reason"`
	Time     time.Time `json:"time"`
}

// Reused is what a decision rests on that was proven in an earlier run.
type Reused struct {
	Task     string    `json:"task"`     // of this run
	Run      string    `json:"run"`      // run that did the work
	Evidence Digest    `json:"evidence"` // Evidence.ID of the original
	ProvenAt time.Time `json:"proven_at"`
	Until    time.Time `json:"until,omitzero"` // when it expires; zero: it does not
}
