package sca

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/correlate"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/step"
	"fairlead.dev/vulndb"
)

// scan is one look-up on its way.
type scan struct {
	in     step.In
	config Config
	root   *os.Root
	db     *vulndb.DB
	state  vulndb.State

	parts     map[string]correlate.Part // by purl
	alone     map[string]bool           // purls that nothing but the project itself needs
	matches   vulndb.Matches
	findings  []fairlead.Finding
	blind     []string // modules whose analysis failed, and why
	reachable int      // vulnerabilities of Go code that were analysed
}

// match looks the components up and makes findings of what is found.
func (s *scan) match(ctx context.Context, d cyclonedx.Document) error {
	var components []fairlead.Component
	for _, purl := range slices.Sorted(maps.Keys(s.parts)) {
		components = append(components, s.parts[purl].Component)
	}
	var err error
	if s.matches, err = s.db.Match(ctx, components, append(correlate.Products(s.in.Service, s.in.Event.Commit), d.Root.PURL)...); err != nil {
		return err
	}
	near := s.nearness(ctx)
	byPrint := map[string]int{}
	for _, m := range s.matches.Found {
		for _, f := range correlate.Findings(m, s.parts[m.Component.PURL]) {
			f.Reachability, f.Message = near.of(m, f.Location.Path, f.Message)
			if i, ok := byPrint[f.Fingerprint]; ok {
				s.findings[i] = merge(s.findings[i], f)
				continue
			}
			byPrint[f.Fingerprint] = len(s.findings)
			s.findings = append(s.findings, f)
		}
	}
	slices.SortStableFunc(s.findings, func(a, b fairlead.Finding) int {
		return cmp.Or(cmp.Compare(a.Location.Path, b.Location.Path), cmp.Compare(a.Component.Name, b.Component.Name), cmp.Compare(a.Rule, b.Rule))
	})
	return nil
}

// merge makes one finding of two versions of a component in one place: what is
// nearer counts, and both are named.
func merge(a, b fairlead.Finding) fairlead.Finding {
	if nearness(b.Reachability) < nearness(a.Reachability) {
		a.Reachability = b.Reachability
	}
	if !strings.Contains(a.Message, b.Component.Version) {
		a.Message += "; also in " + b.Component.Version
	}
	if a.ClearedBy != b.ClearedBy {
		a.ClearedBy = "" // one for each of the versions
	}
	a.Component.Dev = a.Component.Dev && b.Component.Dev
	a.Component.Direct = a.Component.Direct || b.Component.Direct
	a.FixedIn = slices.DeleteFunc(a.FixedIn, func(v string) bool { return !slices.Contains(b.FixedIn, v) })
	for _, l := range append([]fairlead.Location{b.Location}, b.Further...) {
		if l != a.Location && !slices.Contains(a.Further, l) {
			a.Further = append(a.Further, l)
		}
	}
	return a
}

// predicate is what the scan claims.
type predicate struct {
	Tool       string           `json:"tool"`
	Version    string           `json:"version"`
	Database   fairlead.Digest  `json:"database"`
	Snapshot   string           `json:"database_snapshot"`
	Components int              `json:"components"`
	Unmatched  int              `json:"components_unmatched"`
	Findings   []findingSummary `json:"findings"`
}

type findingSummary struct {
	Rule         string                `json:"rule"`
	PURL         string                `json:"purl"`
	Severity     fairlead.Severity     `json:"severity"`
	Reachability fairlead.Reachability `json:"reachability"`
	VEX          string                `json:"vex,omitempty"`
	Fingerprint  string                `json:"fingerprint"`
}

// out reports what was found. Findings do not fail the step: the gate decides
// what they mean.
func (s *scan) out() step.Out {
	p := predicate{
		Tool: "fairlead", Version: version, Database: s.state.Digest, Snapshot: s.state.Snapshot.Format("2006-01-02T15:04:05Z"),
		Components: len(s.parts), Unmatched: len(s.matches.Unmatched), Findings: []findingSummary{},
	}
	for _, f := range s.findings {
		p.Findings = append(p.Findings, findingSummary{f.Rule, f.Component.PURL, f.Severity, f.Reachability, f.Vulnerability.VEX, f.Fingerprint})
		fmt.Fprintf(s.in.Output, "%s: %s (%s, %s): %s\n", cmp.Or(f.Location.Path, f.Component.PURL), f.Rule, f.Severity, f.Reachability, f.Message)
	}
	for _, u := range s.matches.Unmatched {
		fmt.Fprintf(s.in.Output, "%s: not looked up: %s\n", u.Component.PURL, u.Reason)
	}
	fmt.Fprintf(s.in.Output, "%d components, %d not looked up, %d findings; database %s of %s\n",
		len(s.parts), len(s.matches.Unmatched), len(s.findings), s.state.Digest.Short(), s.state.Snapshot.Format("2006-01-02"))
	return step.Out{
		Outcome: step.Done, Reason: strings.Join(s.blind, "; "), Findings: s.findings,
		Advisories: &fairlead.Advisories{Digest: s.state.Digest, Time: s.state.Snapshot, Records: s.state.Advisories},
		Claims:     []fairlead.Claim{{PredicateType: fairlead.PredicateScan, Predicate: step.Predicate(p)}},
		Measurements: []fairlead.Measurement{
			{Name: "components", Value: float64(len(s.parts)), Unit: "1"},
			{Name: "components_unmatched", Value: float64(len(s.matches.Unmatched)), Unit: "1"},
			{Name: "advisories", Value: float64(s.state.Advisories), Unit: "1"},
			{Name: "vulnerabilities_analysed", Value: float64(s.reachable), Unit: "1"},
		},
	}
}
