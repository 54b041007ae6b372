package report

import (
	"cmp"
	"slices"
	"strings"

	"fairlead.dev"
)

// osvLog is what osv-scanner writes with --format json, versions 1 and 2.
type osvLog struct {
	Results []struct {
		Source struct {
			Path string `json:"path"`
		} `json:"source"`
		Packages []osvPackage `json:"packages"`
	} `json:"results"`
}

type osvPackage struct {
	Package struct {
		Name      string `json:"name"`
		Version   string `json:"version"`
		Ecosystem string `json:"ecosystem"`
		Commit    string `json:"commit"`
	} `json:"package"`
	DependencyGroups []string    `json:"dependency_groups"`
	Vulnerabilities  []osvRecord `json:"vulnerabilities"`
	Groups           []osvGroup  `json:"groups"`
}

type osvRecord struct {
	ID       string   `json:"id"`
	Aliases  []string `json:"aliases"`
	Summary  string   `json:"summary"`
	Details  string   `json:"details"`
	Affected []struct {
		Package struct {
			Name      string `json:"name"`
			Ecosystem string `json:"ecosystem"`
		} `json:"package"`
		Ranges []struct {
			Type   string `json:"type"`
			Events []struct {
				Fixed string `json:"fixed"`
			} `json:"events"`
		} `json:"ranges"`
	} `json:"affected"`
	Specific object[struct {
		Severity word `json:"severity"`
		CWE      list `json:"cwe_ids"`
	}] `json:"database_specific"`
}

// osvGroup is what is known of one vulnerability under its several names.
type osvGroup struct {
	IDs         []string               `json:"ids"`
	Aliases     []string               `json:"aliases"`
	MaxSeverity word                   `json:"max_severity"`
	Analysis    map[string]osvAnalysis `json:"experimentalAnalysis"`
}

type osvAnalysis struct {
	Called      bool `json:"called"`
	Unimportant bool `json:"unimportant"`
}

func readOSVScanner(c *collector, b []byte) error {
	var log osvLog
	if err := decode(b, &log); err != nil {
		return wrong(err)
	}
	tool := c.tool("osv-scanner", "")
	for _, source := range log.Results {
		at := c.where(source.Source.Path, 0, 0)
		for _, p := range source.Packages {
			for _, g := range p.groups() {
				c.osvGroup(tool, at, p, g)
			}
		}
	}
	return c.full
}

// groups are the package's groups, or each record by itself where it has none.
func (p osvPackage) groups() []osvGroup {
	if len(p.Groups) > 0 {
		return p.Groups
	}
	var out []osvGroup
	for _, r := range p.Vulnerabilities {
		out = append(out, osvGroup{IDs: []string{r.ID}})
	}
	return out
}

func (c *collector) osvGroup(tool string, at fairlead.Location, p osvPackage, g osvGroup) {
	if len(g.IDs) == 0 {
		return
	}
	f := fairlead.Finding{
		Rule: g.IDs[0], ToolVersion: tool, Location: at,
		Component: fairlead.Component{Name: p.Package.Name, Version: cmp.Or(p.Package.Version, p.Package.Commit), Dev: onlyDev(p.DependencyGroups)},
	}
	ids, summary, said := slices.Clone(g.IDs), "", fairlead.SeverityUnknown
	for _, r := range p.Vulnerabilities {
		if !slices.Contains(g.IDs, r.ID) {
			continue
		}
		ids = append(ids, r.Aliases...)
		summary = cmp.Or(summary, r.Summary, r.Details)
		f.CWE = append(f.CWE, weaknesses(r.Specific.value.CWE...)...)
		f.FixedIn = versions(append(f.FixedIn, r.fixed(p)...)...)
		if s, _ := known(string(r.Specific.value.Severity)); r.Specific.value.Severity != "" && (said == fairlead.SeverityUnknown || rank(s) < rank(said)) {
			said = s
		}
	}
	f.Severity, f.SeveritySource = said, "database"
	if s, ok := scoredText(string(g.MaxSeverity)); ok && s != fairlead.SeverityUnknown {
		f.Severity, f.SeveritySource = s, "max_severity "+string(g.MaxSeverity)
	}
	for _, a := range g.Analysis {
		if a.Called { // that nothing was seen calling it is no proof
			f.Reachability = fairlead.ReachableCalled
		}
	}
	c.vulnerable(f, vulnerable{ids: append(ids, g.Aliases...), ecosystem: p.Package.Ecosystem, summary: summary})
}

// fixed are the versions of the package in which the record is fixed.
func (r osvRecord) fixed(p osvPackage) []string {
	var out []string
	for _, a := range r.Affected {
		if a.Package.Name != p.Package.Name || a.Package.Ecosystem != p.Package.Ecosystem {
			continue
		}
		for _, g := range a.Ranges {
			for _, e := range g.Events {
				if e.Fixed != "" && g.Type != "GIT" {
					out = append(out, e.Fixed)
				}
			}
		}
	}
	return out
}

// onlyDev tells whether all groups of dependencies are for building and testing.
func onlyDev(groups []string) bool {
	return len(groups) > 0 && !slices.ContainsFunc(groups, func(g string) bool {
		return !slices.Contains([]string{"dev", "development", "test", "build"}, strings.ToLower(g))
	})
}
