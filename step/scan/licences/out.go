package licences

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/licence"
	"fairlead.dev/step"
)

// predicate is what the scan claims.
type predicate struct {
	Tool       string           `json:"tool"`
	Version    string           `json:"version"`
	Policy     fairlead.Digest  `json:"policy"`
	Components int              `json:"components"`
	Unknown    int              `json:"components_unknown"`
	Licences   map[string]int   `json:"licences"` // components by expression
	Findings   []findingSummary `json:"findings"`
}

type findingSummary struct {
	Rule        string            `json:"rule"`
	Component   string            `json:"component"`
	Severity    fairlead.Severity `json:"severity"`
	Fingerprint string            `json:"fingerprint"`
}

// out reports what was found. Findings do not fail the step: the gate decides
// what they mean.
func (s *scan) out(ctx context.Context, d cyclonedx.Document) (step.Out, error) {
	slices.SortFunc(s.findings, func(a, b fairlead.Finding) int {
		return cmp.Or(cmp.Compare(a.Component.Name, b.Component.Name), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	artifacts, err := s.notices(ctx, cmp.Or(d.Root.Name, s.in.Service))
	if err != nil {
		return step.Out{}, err
	}
	own, organisation := s.config.policies()
	unknown := s.licences[""]
	delete(s.licences, "")
	p := predicate{
		Tool: "fairlead", Version: licence.Version() + " rules " + version, Policy: fairlead.DigestJSON([]licence.Policy{own, organisation}),
		Components: s.judged, Unknown: unknown, Licences: s.licences, Findings: []findingSummary{},
	}
	for _, f := range s.findings {
		p.Findings = append(p.Findings, findingSummary{f.Rule, cmp.Or(f.Component.PURL, f.Component.Name), f.Severity, f.Fingerprint})
		fmt.Fprintf(s.in.Output, "%s: %s (%s)\n", f.Rule, f.Message, f.Severity)
	}
	for _, l := range slices.Sorted(maps.Keys(s.licences)) {
		fmt.Fprintf(s.in.Output, "%5d %s\n", s.licences[l], l)
	}
	fmt.Fprintf(s.in.Output, "%d components, the licence of %d is not known, %d findings\n", s.judged, unknown, len(s.findings))
	return step.Out{
		Outcome: step.Done, Findings: s.findings, Artifacts: artifacts,
		Claims: []fairlead.Claim{{PredicateType: fairlead.PredicateScan, Predicate: step.Predicate(p)}},
		Measurements: []fairlead.Measurement{
			{Name: "components", Value: float64(s.judged), Unit: "1"},
			{Name: "components_without_licence", Value: float64(unknown), Unit: "1"},
			{Name: "findings", Value: float64(len(s.findings)), Unit: "1"},
		},
	}, nil
}
