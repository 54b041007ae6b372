package dast

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead.dev"
)

// found is a flaw at one or more places.
type found struct {
	kind       kind
	print      string
	places     []string // "GET /items/{id}?q"
	evidence   string   // request and what of the answer proves it, short and without secrets
	confidence string   // "confirmed": asked again with controls; "firm": seen in an answer
}

// kind is what a check finds.
type kind struct {
	rule, title, fix string
	severity         fairlead.Severity
	cwe              string
}

// add notes a flaw of an entry's parameter; "" for none.
func (s *scan) add(k kind, e entry, param, evidence, confidence string) {
	place := e.method + " " + e.route
	if param != "" {
		place += "?" + param
	}
	s.note(k, fairlead.Fingerprint(fairlead.CategoryDAST, k.rule, e.method, e.route, param), place, evidence, confidence)
}

// addWide notes a flaw that is one thing at however many routes, such as a
// header that is not sent.
func (s *scan) addWide(k kind, e entry, what, evidence string) {
	s.note(k, fairlead.Fingerprint(fairlead.CategoryDAST, k.rule, what), e.method+" "+e.route, evidence, "firm")
}

func (s *scan) note(k kind, print, place, evidence, confidence string) {
	f := s.found[print]
	if f == nil {
		f = &found{kind: k, print: print, evidence: evidence, confidence: confidence}
		s.found[print] = f
	}
	if !slices.Contains(f.places, place) {
		f.places = append(f.places, place)
	}
}

// findings gives what was found, in an order that does not depend on the way.
func (s *scan) findings() []fairlead.Finding {
	var out []fairlead.Finding
	for _, f := range slices.Collect(maps.Values(s.found)) {
		slices.Sort(f.places)
		out = append(out, fairlead.Finding{
			Fingerprint: f.print, Category: fairlead.CategoryDAST, Rule: f.kind.rule, Severity: f.kind.severity, SeveritySource: "rule",
			CWE: []string{f.kind.cwe}, Resource: strings.Join(f.places, ", "), Fix: f.kind.fix,
			Message: fmt.Sprintf("%s at %s (%s: %s)", f.kind.title, some(f.places), f.confidence, f.evidence),
		})
	}
	slices.SortFunc(out, func(a, b fairlead.Finding) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Resource, b.Resource), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return out
}

// some names a few places.
func some(places []string) string {
	if len(places) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(places[:3], ", "), len(places)-3)
	}
	return strings.Join(places, ", ")
}

// short gives the part of an answer that proves something.
func short(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "..."
	}
	return s
}
