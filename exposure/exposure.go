// Package exposure finds out which running releases a change of the database
// of vulnerabilities affects: by look-up from the package to the releases that
// have it, never by scanning again.
package exposure

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/correlate"
	"fairlead.dev/purl"
	"fairlead.dev/vulndb"
)

// Index knows what running releases are made of.
type Index interface {
	Environment(ctx context.Context, environment, service string) (fairlead.EnvironmentState, error)
	// Unlooked gives the environments whose release was not looked up since it went live.
	Unlooked(ctx context.Context) ([]fairlead.EnvironmentState, error)
	PutInventory(ctx context.Context, v fairlead.Inventory) error
	PutLooked(ctx context.Context, release fairlead.Digest) error
	PartsOf(ctx context.Context, keys []string) ([]fairlead.Part, error)
	PartsIn(ctx context.Context, release fairlead.Digest) ([]fairlead.Part, error)
	Holders(ctx context.Context, purl string) ([]fairlead.Holder, error)
	ExposuresOf(ctx context.Context, purls []string) ([]fairlead.Exposure, error)
	Findings(ctx context.Context, f fairlead.TrackedFilter) ([]fairlead.Tracked, error)
	// Commit refuses with KindConflict when a finding changed since it was read.
	Commit(ctx context.Context, u fairlead.Update) (bool, error)
}

// Documents gives the bills of materials that were signed with the release that
// takes the traffic of an environment.
type Documents interface {
	Documents(ctx context.Context, s fairlead.EnvironmentState) ([][]byte, error)
}

// Advisories answers which vulnerabilities components have.
type Advisories interface {
	Match(ctx context.Context, components []fairlead.Component, products ...string) (vulndb.Matches, error)
}

// Change is what came of a re-evaluation.
type Change struct {
	Affected []fairlead.Exposure `json:"affected"` // newly, or otherwise than before
	Cleared  []fairlead.Exposure `json:"cleared"`
	Findings []fairlead.Tracked  `json:"findings"` // that were opened, changed or fixed by it
}

// Evaluator re-evaluates what runs.
type Evaluator struct {
	Index      Index
	Documents  Documents
	Advisories Advisories
	Database   fairlead.Digest
	Now        time.Time
	// Clock gives how long findings of a deployment's environment may stay; nil:
	// the default for all.
	Clock func(ctx context.Context, environment, service string) (fairlead.Clock, error)
}

// attempts is how often a re-evaluation is begun again when findings change
// under it.
const attempts = 5

// Evaluate looks at the packages whose vulnerabilities may be others now, and
// at all of every release that was not looked up since it went live, and records
// what is new: exposures and findings in one. Doing it again changes nothing.
func (e *Evaluator) Evaluate(ctx context.Context, packages []purl.Key) (Change, error) {
	states, err := e.Index.Unlooked(ctx)
	if err != nil {
		return Change{}, err
	}
	var fresh []Entered
	for _, s := range states {
		n, err := e.Enter(ctx, s)
		if err != nil {
			return Change{}, err
		}
		fresh = append(fresh, n)
	}
	keys := make([]string, 0, len(packages))
	for _, k := range packages {
		keys = append(keys, k.String())
	}
	parts, err := e.Index.PartsOf(ctx, keys)
	if err != nil {
		return Change{}, err
	}
	return e.settle(ctx, parts, fresh)
}

// Look looks at all of one release.
func (e *Evaluator) Look(ctx context.Context, n Entered) (Change, error) {
	return e.settle(ctx, nil, []Entered{n})
}

// settle compares, and notes which releases were looked at as a whole.
func (e *Evaluator) settle(ctx context.Context, parts []fairlead.Part, whole []Entered) (Change, error) {
	for _, w := range whole {
		parts = append(parts, w.Parts...)
	}
	for n := 1; ; n++ {
		change, err := e.compare(ctx, parts, whole)
		if fairlead.KindOf(err) == fairlead.KindConflict && n < attempts {
			continue
		}
		if err != nil {
			return Change{}, err
		}
		for _, w := range whole {
			if err := e.Index.PutLooked(ctx, w.State.Current.ID); err != nil {
				return Change{}, err
			}
		}
		return change, nil
	}
}

// compare holds what the database says about components against what is recorded.
func (e *Evaluator) compare(ctx context.Context, parts []fairlead.Part, whole []Entered) (Change, error) {
	looked := map[string]bool{}
	var components []fairlead.Component
	for _, p := range parts {
		if !looked[p.PURL] {
			looked[p.PURL] = true
			components = append(components, purl.Component(p.PURL))
		}
	}
	known, err := e.known(ctx, looked)
	if err != nil {
		return Change{}, err
	}
	holding, err := e.holding(ctx, components)
	if err != nil {
		return Change{}, err
	}
	change := Change{Affected: []fairlead.Exposure{}, Cleared: []fairlead.Exposure{}, Findings: []fairlead.Tracked{}}
	for i, x := range holding {
		was, ok := known[idOf(x)]
		delete(known, idOf(x))
		if ok {
			holding[i].Since = was.Since
		}
		if !ok || !same(was, holding[i]) {
			change.Affected = append(change.Affected, holding[i])
		}
	}
	for _, x := range known { // recorded, and no longer so
		x.Until = e.Now
		change.Cleared = append(change.Cleared, x)
	}
	slices.SortFunc(change.Affected, order)
	slices.SortFunc(change.Cleared, order)
	if err := e.learn(ctx, &change, holding, whole); err != nil {
		return Change{}, err
	}
	return change, e.record(ctx, change)
}

// same tells whether two exposures say the same: which database says it is no
// matter.
func same(a, b fairlead.Exposure) bool {
	a.Database = b.Database
	return fairlead.DigestJSON(a) == fairlead.DigestJSON(b)
}

// holding gives what the database says about components of running releases.
func (e *Evaluator) holding(ctx context.Context, components []fairlead.Component) ([]fairlead.Exposure, error) {
	matches, err := e.Advisories.Match(ctx, components)
	if err != nil {
		return nil, err
	}
	var all []fairlead.Exposure
	at := map[string]int{} // by id: two bills of materials of one release may name one component
	holders := map[string][]fairlead.Holder{}
	for _, m := range matches.Found {
		purl := m.Component.PURL
		if _, ok := holders[purl]; !ok {
			if holders[purl], err = e.Index.Holders(ctx, purl); err != nil {
				return nil, err
			}
		}
		for _, h := range holders[purl] {
			m := m.For(correlate.Products(h.Service, "")...) // what is said of one service clears no other
			if v := m.Vulnerability.VEX; v == "not_affected" || v == "fixed" {
				continue
			}
			x := e.exposure(h, m)
			if i, ok := at[idOf(x)]; ok {
				all[i].Elsewhere = append(all[i].Elsewhere, x.Findings()...)
				continue
			}
			at[idOf(x)] = len(all)
			all = append(all, x)
		}
	}
	return all, nil
}

// known gives the exposures that hold of the components looked at.
func (e *Evaluator) known(ctx context.Context, looked map[string]bool) (map[string]fairlead.Exposure, error) {
	all, err := e.Index.ExposuresOf(ctx, slices.Sorted(maps.Keys(looked)))
	out := map[string]fairlead.Exposure{}
	for _, x := range all {
		out[idOf(x)] = x
	}
	return out, err
}

func (e *Evaluator) exposure(h fairlead.Holder, m vulndb.Match) fairlead.Exposure {
	found := correlate.Findings(m, correlate.Mentioned(h.PURL, h.Mention))
	for i, f := range found {
		if f.Component.Dev { // as the scan has it
			found[i].Reachability = fairlead.ReachableUnused
		}
	}
	x := fairlead.Exposure{
		Environment: h.Environment, Service: h.Service, Release: h.Release, Vulnerability: m.Canonical, PURL: h.PURL,
		Finding: found[0], Database: e.Database, Since: e.Now,
	}
	if len(found) > 1 {
		x.Elsewhere = found[1:]
	}
	return x
}

func idOf(x fairlead.Exposure) string {
	return strings.Join([]string{x.Environment, x.Service, string(x.Release), x.Vulnerability, x.PURL}, "\x00")
}

func order(a, b fairlead.Exposure) int { return cmp.Compare(idOf(a), idOf(b)) }

// record writes what changed: one record for each release and vulnerability,
// and the findings that it makes, all in one update.
func (e *Evaluator) record(ctx context.Context, c Change) error {
	var u fairlead.Update
	for _, list := range []struct {
		typ fairlead.RecordType
		all []fairlead.Exposure
	}{{fairlead.RecordReleaseAffected, c.Affected}, {fairlead.RecordReleaseCleared, c.Cleared}} {
		for _, x := range list.all {
			u.Records = append(u.Records, e.fact(list.typ, string(x.Release), idOf(x), map[string]any{
				"environment": x.Environment, "service": x.Service, "release": x.Release, "vulnerability": x.Vulnerability,
				"component": x.PURL, "severity": x.Finding.Severity, "fixed_in": x.Finding.FixedIn, "database": e.Database,
			}))
			u.Exposures = append(u.Exposures, x)
		}
	}
	if u.Findings = c.Findings; len(c.Findings) > 0 {
		u.Records = append(u.Records, e.fact(fairlead.RecordFindingsChanged, string(e.Database), "findings", map[string]any{
			"changed": len(c.Findings), "database": e.Database,
		}))
	}
	if len(u.Records) == 0 {
		return nil
	}
	_, err := e.Index.Commit(ctx, u)
	return err
}

// fact makes a record of a re-evaluation. about tells it from the others of one.
func (e *Evaluator) fact(typ fairlead.RecordType, subject, about string, data map[string]any) fairlead.Record {
	raw, err := json.Marshal(data)
	if err != nil {
		panic("exposure: record " + about + ": " + err.Error()) // plain data always encodes
	}
	return fairlead.Record{
		ID:   fmt.Sprintf("%s/%s/%d", typ, fairlead.DigestJSON([]string{about, string(e.Database)}).Short(), e.Now.UnixNano()),
		Type: typ, Subject: subject, Time: e.Now, Data: raw,
	}
}
