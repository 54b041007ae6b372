package triage

import (
	"cmp"
	"slices"
	"time"

	"fairlead.dev"
)

// News is what became known about what runs in one service's environment,
// without anybody looking at it again.
type News struct {
	Service     string
	Environment string
	Time        time.Time
	Holding     []fairlead.Finding // what is known to hold now
	Over        []fairlead.Finding // what was known and holds no more
	// Whole tells that nothing but Holding is known of what runs there: what was
	// learned of what ran before, and no scan has seen, is gone.
	Whole bool
}

// Learn takes news into account. What no scan has seen is opened; of what one
// has seen only what is newly known about it changes, since the scan knows more
// of the rest; what holds no more is gone for the tool that said it. Results are
// as of [Update]; learning the same again changes nothing.
func Learn(before []fairlead.Tracked, n News, c fairlead.Clock) (after, changed []fairlead.Tracked) {
	b := newBook(before, Scan{Service: n.Service, Environment: n.Environment, Time: n.Time}, c)
	holding, over := map[string]bool{}, map[string]bool{}
	all := Merge(n.Holding)
	for _, s := range all {
		for _, f := range s.Seen {
			holding[sight(f.Category, f.Tool, f.Fingerprint)] = true
		}
	}
	for _, f := range n.Over {
		over[sight(f.Category, f.Tool, f.Fingerprint)] = true
	}
	b.going = func(t *fairlead.Tracked, o fairlead.Observation) bool {
		key := sight(t.Finding.Category, o.Tool, o.Fingerprint)
		return !holding[key] && (over[key] || n.Whole && o.RunID == "")
	}
	b.enter(slices.DeleteFunc(all, func(s Sighting) bool {
		t := b.saw(s)
		if t != nil {
			b.amend(t, s.Finding)
		}
		return t != nil
	}))
	b.settle()
	b.drop()
	return b.result(before)
}

// sight is what one tool calls a finding.
func sight(c fairlead.Category, tool, fingerprint string) string {
	return join0(string(c), tool, fingerprint)
}

// saw gives the finding that a sighting is, when the same tool sees it already.
func (b *book) saw(s Sighting) *fairlead.Tracked {
	for _, f := range s.Seen {
		t := b.all[b.known[known(f.Category, f.Fingerprint)]]
		if t != nil && t.FixedAt.IsZero() && slices.ContainsFunc(t.Observations, func(o fairlead.Observation) bool {
			return o.Tool == f.Tool && o.Fingerprint == f.Fingerprint && o.Gone.IsZero()
		}) {
			return t
		}
	}
	return nil
}

// amend says of a finding what became known about its vulnerability. What other
// tools said of it stays said.
func (b *book) amend(t *fairlead.Tracked, f fairlead.Finding) {
	alone := !slices.ContainsFunc(t.Observations, func(o fairlead.Observation) bool { return o.Gone.IsZero() && o.Tool != f.Tool })
	now := t.Finding
	if alone || Heavier(f.Severity, now.Severity) {
		now.Severity, now.SeveritySource = f.Severity, f.SeveritySource
	}
	now.Vulnerability = joinVulnerabilities(now.Vulnerability, f.Vulnerability)
	now.Vulnerability.Aliases = slices.DeleteFunc(sorted(slices.Clone(now.Vulnerability.Aliases)), func(id string) bool { return id == now.Vulnerability.ID })
	if alone {
		now.Vulnerability.KEV, now.Vulnerability.EPSS = f.Vulnerability.KEV, f.Vulnerability.EPSS
	}
	now.FixedIn, now.ClearedBy, now.Fix = f.FixedIn, f.ClearedBy, cmp.Or(f.Fix, now.Fix)
	t.Finding = now
	clock(t, b.clock, b.scan.Time)
}
