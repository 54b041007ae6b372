package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

// grypeLog is what Grype writes with -o json.
type grypeLog struct {
	Descriptor struct{ Name, Version string }
	Matches    []grypeMatch
	Ignored    []struct{} `json:"ignoredMatches"`
}

type grypeMatch struct {
	Vulnerability grypeVulnerability
	Related       []grypeVulnerability `json:"relatedVulnerabilities"`
	Artifact      struct {
		Name, Version, PURL string
		Locations           []grypeLocation
	}
}

type grypeLocation struct {
	Path, LayerID string
	Annotations   struct{ Evidence string }
}

type grypeVulnerability struct {
	ID, Severity, Description, Namespace string
	CVSS                                 []struct{ Version, Vector string }
	Fix                                  struct{ Versions []string }
	EPSS                                 []struct{ EPSS float64 }
	CWEs                                 []struct{ CWE string }
	KnownExploited                       []struct{ DateAdded string }
}

func readGrype(c *collector, b []byte) error {
	var log grypeLog
	if err := decode(b, &log); err != nil {
		return wrong(err)
	}
	tool := c.tool(cmp.Or(log.Descriptor.Name, "grype"), log.Descriptor.Version)
	c.report.Excused += len(log.Ignored)
	for _, m := range log.Matches {
		v := m.Vulnerability
		f := fairlead.Finding{
			Rule: v.ID, ToolVersion: tool, FixedIn: versions(v.Fix.Versions...),
			Component: fairlead.Component{PURL: m.Artifact.PURL, Name: m.Artifact.Name, Version: m.Artifact.Version},
		}
		// What names the component comes first, what merely belongs to it later.
		slices.SortStableFunc(m.Artifact.Locations, func(a, b grypeLocation) int { return cmp.Compare(a.order(), b.order()) })
		for i, l := range m.Artifact.Locations {
			if i == 0 {
				f.Component.Layer = l.LayerID
			}
			c.further(&f, c.where(l.Path, 0, 0))
		}
		f.Severity, _ = known(v.Severity)
		f.SeveritySource = strings.TrimSpace("grype " + v.Namespace)
		if len(v.CVSS) > 0 && v.CVSS[0].Vector != "" {
			f.SeveritySource = v.CVSS[0].Vector
		}
		ids := []string{v.ID}
		summary := v.Description
		for _, r := range append([]grypeVulnerability{v}, m.Related...) {
			ids = append(ids, r.ID)
			summary = cmp.Or(summary, r.Description)
			for _, w := range r.CWEs {
				f.CWE = append(f.CWE, weaknesses(w.CWE)...)
			}
			for _, e := range r.EPSS {
				f.Vulnerability.EPSS = max(f.Vulnerability.EPSS, min(e.EPSS, 1))
			}
			for _, k := range r.KnownExploited {
				f.Vulnerability.KEV = earlier(f.Vulnerability.KEV, k.DateAdded)
			}
		}
		c.vulnerable(f, vulnerable{ids: ids, summary: summary})
	}
	return c.full
}

// order ranks a place: evidence, then databases of packages, then others.
func (l grypeLocation) order() int {
	switch {
	case l.Annotations.Evidence == "primary":
		return 0
	case strings.HasSuffix(l.Path, "/lib/dpkg/status"), strings.HasSuffix(l.Path, "/lib/apk/db/installed"), strings.Contains(l.Path, "/rpmdb."):
		return 1
	}
	return 2
}

// earlier gives the earlier of two days of which either may be missing.
func earlier(known time.Time, day string) time.Time {
	t, err := time.Parse(time.DateOnly, day[:min(len(day), len(time.DateOnly))])
	if err != nil || !known.IsZero() && known.Before(t) {
		return known
	}
	return t.UTC()
}
