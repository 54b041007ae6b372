package remedy

import (
	"cmp"
	"slices"

	"fairlead.dev"
)

// Fix is one change of one manifest.
type Fix struct {
	File    string   `json:"file"` // slash-separated
	Package string   `json:"package"`
	From    string   `json:"from"`
	To      string   `json:"to"`     // smallest version without any known vulnerability
	Clears  []string `json:"clears"` // vulnerabilities, by id
}

// Left is a component that stays vulnerable, and why.
type Left struct {
	File            string   `json:"file,omitempty"`
	Package         string   `json:"package"`
	Version         string   `json:"version"`
	Vulnerabilities []string `json:"vulnerabilities"`
	Reason          string   `json:"reason"`
	Advice          string   `json:"advice,omitempty"` // what can be done by hand
}

// Plan says which manifests to change for vulnerable components, each to the
// smallest version that clears everything known about it, and which components
// that cannot help. What VEX says does not matter is passed over. Both lists are
// in order of file and package.
func Plan(findings []fairlead.Finding) ([]Fix, []Left) {
	type key struct{ file, pkg, from string }
	fixes, left := map[key]*Fix{}, map[key]*Left{}
	for _, f := range findings {
		if f.Category != fairlead.CategorySCA || f.Vulnerability.VEX == "not_affected" || f.Vulnerability.VEX == "fixed" {
			continue
		}
		for _, place := range append([]fairlead.Location{f.Location}, f.Further...) {
			manifest := Manifest(place.Path)
			k := key{cmp.Or(manifest, place.Path), f.Component.Name, f.Component.Version}
			if reason := obstacle(f, manifest); reason != "" {
				if left[k] == nil {
					left[k] = &Left{File: k.file, Package: k.pkg, Version: k.from, Reason: reason, Advice: f.Fix}
				}
				left[k].Vulnerabilities = append(left[k].Vulnerabilities, f.Rule)
				continue
			}
			if fixes[k] == nil {
				fixes[k] = &Fix{File: k.file, Package: k.pkg, From: k.from, To: f.ClearedBy}
			}
			fixes[k].Clears = append(fixes[k].Clears, f.Rule)
		}
	}
	var edits []Fix
	for _, e := range fixes {
		e.Clears = slices.Compact(slices.Sorted(slices.Values(e.Clears)))
		edits = append(edits, *e)
	}
	var rest []Left
	for _, l := range left {
		l.Vulnerabilities = slices.Compact(slices.Sorted(slices.Values(l.Vulnerabilities)))
		rest = append(rest, *l)
	}
	slices.SortFunc(edits, func(a, b Fix) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Package, b.Package), cmp.Compare(a.From, b.From))
	})
	slices.SortFunc(rest, func(a, b Left) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Package, b.Package), cmp.Compare(a.Version, b.Version))
	})
	return edits, rest
}

// obstacle says why no manifest can be changed for a finding, "" when one can.
func obstacle(f fairlead.Finding, manifest string) string {
	switch {
	case f.ClearedBy == "" && len(f.FixedIn) == 0:
		return "no version fixes it"
	case f.ClearedBy == "":
		return "no version is known to be free of everything"
	case manifest == "":
		return "the file that names it is not one that fix can change"
	case !f.Component.Direct:
		return "a dependency brings it"
	}
	return ""
}
