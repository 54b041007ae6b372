package secrets

import (
	"cmp"
	"slices"

	"fairlead.dev"
	"fairlead.dev/credential"
)

// mostFurther is how many further places a finding names.
const mostFurther = 100

// findings gives one finding for each value, by place. From here on there are
// no values.
func (s *scan) findings() []fairlead.Finding {
	slices.SortFunc(s.sightings, func(a, b sighting) int {
		return cmp.Or(
			cmp.Compare(a.path, b.path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Value, b.Value), cmp.Compare(a.object, b.object),
		)
	})
	prints, at := map[string]string{}, map[string]int{}
	known := map[string]bool{}
	var out []fairlead.Finding
	for _, x := range s.sightings {
		print := s.fingerprint(prints, x)
		switch i, again := at[print]; {
		case s.known[print]:
			known[print] = true
		case again:
			join(&out[i], x)
		default:
			at[print] = len(out)
			out = append(out, finding(print, x))
		}
	}
	s.knownSeen = len(known)
	return out
}

func finding(print string, x sighting) fairlead.Finding {
	f := fairlead.Finding{
		Fingerprint: print, Category: fairlead.CategorySecret, Rule: x.Rule, Tool: Name, ToolVersion: "gitleaks " + credential.Version() + ", " + engine,
		Severity: x.Severity, SeveritySource: "rule", CWE: []string{"CWE-798"}, Message: x.Message, Location: place(x), Fix: x.Fix,
	}
	if x.Line == 0 || x.Rule == "password-hash" {
		f.CWE = []string{"CWE-522"} // kept where others can read it, if not in plain
	}
	if x.object != "" {
		f.Resource = "object " + x.object
	}
	return f
}

func place(x sighting) fairlead.Location {
	return fairlead.Location{Path: x.path, Line: x.Line, Column: x.Column}
}

// join adds a further place of the same value.
func join(f *fairlead.Finding, x sighting) {
	p := place(x)
	if p == f.Location || slices.Contains(f.Further, p) || len(f.Further) >= mostFurther {
		return
	}
	f.Further = append(f.Further, p)
}

// fingerprint names a value without telling it.
func (s *scan) fingerprint(made map[string]string, x sighting) string {
	if x.Value == "" { // the file itself
		return fairlead.Fingerprint(fairlead.CategorySecret, "file", x.Rule, x.path)
	}
	if _, ok := made[x.Value]; !ok {
		made[x.Value] = credential.Fingerprint(s.config.Salt, x.Value)
	}
	return made[x.Value]
}
