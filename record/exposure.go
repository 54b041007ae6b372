package record

import (
	"fmt"

	"fairlead.dev"
)

// exposureFact is what the records about a release's vulnerabilities carry.
type exposureFact struct {
	Environment   string          `json:"environment"`
	Service       string          `json:"service"`
	Release       fairlead.Digest `json:"release"`
	Vulnerability string          `json:"vulnerability"`
	Component     string          `json:"component"`
	Severity      string          `json:"severity"`
}

func (x exposureFact) sentence(typ fairlead.RecordType) string {
	what := "is affected by"
	if typ == fairlead.RecordReleaseCleared {
		what = "is no longer affected by"
	}
	return fmt.Sprintf("release %s of %s in %s %s %s in %s (%s)", x.Release.Short(), x.Service, x.Environment, what, x.Vulnerability, x.Component, x.Severity)
}

// flipFact is what the record of another decision about a running release carries.
type flipFact struct {
	Environment string           `json:"environment"`
	Service     string           `json:"service"`
	Release     fairlead.Digest  `json:"release"`
	Was         fairlead.Outcome `json:"was"`
	Now         fairlead.Outcome `json:"now"`
}

func (f flipFact) sentence() string {
	return fmt.Sprintf("about release %s of %s in %s, decided %s, would be decided %s now", f.Release.Short(), f.Service, f.Environment, f.Was, f.Now)
}

// ExposureLines tells the known vulnerabilities of what takes traffic.
func ExposureLines(all []fairlead.Exposure) []string {
	var lines []string
	for _, x := range all {
		line := fmt.Sprintf("%s in %s, release %s: %s in %s (%s)", x.Service, x.Environment, x.Release.Short(), x.Vulnerability, x.PURL, x.Finding.Severity)
		if len(x.Finding.FixedIn) > 0 {
			line += ", fixed in " + x.Finding.FixedIn[0]
		}
		lines = append(lines, line)
	}
	return lines
}

func indent(lines []string) []string {
	for i := range lines {
		lines[i] = "  " + lines[i]
	}
	return lines
}
