// Package exposure finds out which running releases a change of the database
// of vulnerabilities affects: by look-up from the package to the releases that
// have it, never by scanning again.
package exposure

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/remedy"
	"fairlead.dev/vulndb"
)

// Index knows what running releases are made of.
type Index interface {
	Unindexed(ctx context.Context) ([]fairlead.EnvironmentState, error)
	PutInventory(ctx context.Context, v fairlead.Inventory) error
	PartsOf(ctx context.Context, keys []string) ([]fairlead.Part, error)
	PartsIn(ctx context.Context, release fairlead.Digest) ([]fairlead.Part, error)
	Holders(ctx context.Context, purl string) ([]fairlead.Holder, error)
	Exposures(ctx context.Context) ([]fairlead.Exposure, error)
	Commit(ctx context.Context, u fairlead.Update) (bool, error)
}

// Documents gives the bills of materials that a deployment's run has signed.
type Documents interface {
	Documents(ctx context.Context, deployment string) ([][]byte, error)
}

// Advisories answers which vulnerabilities components have.
type Advisories interface {
	Match(ctx context.Context, components []fairlead.Component, products ...string) (vulndb.Matches, error)
}

// Change is what came of a re-evaluation.
type Change struct {
	Affected []fairlead.Exposure `json:"affected"` // newly
	Cleared  []fairlead.Exposure `json:"cleared"`
}

// Evaluator re-evaluates what runs.
type Evaluator struct {
	Index      Index
	Documents  Documents
	Advisories Advisories
	Database   fairlead.Digest
	Now        time.Time
}

// Evaluate looks at the packages whose vulnerabilities may be others now, and
// at all of every release that nothing was known of before, and records what
// is new. Doing it again changes nothing.
func (e *Evaluator) Evaluate(ctx context.Context, packages []vulndb.Key) (Change, error) {
	fresh, err := e.index(ctx)
	if err != nil {
		return Change{}, err
	}
	keys := make([]string, 0, len(packages))
	for _, k := range packages {
		keys = append(keys, k.String())
	}
	parts, err := e.Index.PartsOf(ctx, keys)
	if err != nil {
		return Change{}, err
	}
	return e.compare(ctx, append(parts, fresh...))
}

// index writes the inventories of running releases that have none, and gives
// their components. A release without any signed bill of materials gets an
// empty one: nothing can be known of it.
func (e *Evaluator) index(ctx context.Context) ([]fairlead.Part, error) {
	states, err := e.Index.Unindexed(ctx)
	if err != nil {
		return nil, err
	}
	var fresh []fairlead.Part
	for _, s := range states {
		documents, err := e.Documents.Documents(ctx, s.Deployment)
		if err != nil {
			return nil, err
		}
		if len(documents) == 0 {
			documents = [][]byte{nil}
		}
		for _, b := range documents {
			parts, err := partsOf(b)
			if err != nil {
				return nil, &fairlead.Problem{
					Op: "index release " + s.Current.ID.Short(), Kind: fairlead.KindInternal, Err: err,
					Hint: "its bill of materials cannot be read, so nobody knows what affects it: release it again",
				}
			}
			v := fairlead.Inventory{Release: s.Current.ID, SBOM: fairlead.DigestBytes(b), Components: parts}
			if err := e.Index.PutInventory(ctx, v); err != nil {
				return nil, err
			}
		}
		parts, err := e.Index.PartsIn(ctx, s.Current.ID)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, parts...)
	}
	return fresh, nil
}

// partsOf gives the components of a document that can be looked up. Where there
// is no document there are none.
func partsOf(b []byte) ([]fairlead.Part, error) {
	if len(b) == 0 {
		return nil, nil
	}
	d, err := cyclonedx.Decode(b)
	if err != nil {
		return nil, err
	}
	var parts []fairlead.Part
	for _, c := range d.Components {
		if key, _, reason := vulndb.KeyOf(c.PURL); reason == "" {
			parts = append(parts, fairlead.Part{Key: key.String(), PURL: c.PURL})
		}
	}
	return parts, nil
}

// compare holds what the database says about components against what is recorded.
func (e *Evaluator) compare(ctx context.Context, parts []fairlead.Part) (Change, error) {
	looked := map[string]bool{}
	var components []fairlead.Component
	for _, p := range parts {
		if !looked[p.PURL] {
			looked[p.PURL] = true
			components = append(components, vulndb.Component(p.PURL))
		}
	}
	matches, err := e.Advisories.Match(ctx, components)
	if err != nil {
		return Change{}, err
	}
	known, err := e.known(ctx, looked)
	if err != nil {
		return Change{}, err
	}
	var change Change
	holders := map[string][]fairlead.Holder{}
	for _, m := range matches.Found {
		if v := m.Vulnerability.VEX; v == "not_affected" || v == "fixed" {
			continue
		}
		purl := m.Component.PURL
		if _, ok := holders[purl]; !ok {
			if holders[purl], err = e.Index.Holders(ctx, purl); err != nil {
				return Change{}, err
			}
		}
		for _, h := range holders[purl] {
			x := e.exposure(h, m)
			if _, ok := known[idOf(x)]; ok {
				delete(known, idOf(x))
				continue
			}
			change.Affected = append(change.Affected, x)
		}
	}
	for _, x := range known { // recorded, and no longer so
		x.Until = e.Now
		change.Cleared = append(change.Cleared, x)
	}
	slices.SortFunc(change.Affected, order)
	slices.SortFunc(change.Cleared, order)
	return change, e.record(ctx, change)
}

// known gives the exposures that hold of the components looked at.
func (e *Evaluator) known(ctx context.Context, looked map[string]bool) (map[string]fairlead.Exposure, error) {
	all, err := e.Index.Exposures(ctx)
	if err != nil {
		return nil, err
	}
	out := map[string]fairlead.Exposure{}
	for _, x := range all {
		if looked[x.PURL] {
			out[idOf(x)] = x
		}
	}
	return out, nil
}

func (e *Evaluator) exposure(h fairlead.Holder, m vulndb.Match) fairlead.Exposure {
	f := fairlead.Finding{
		Fingerprint: fairlead.Fingerprint(fairlead.CategorySCA, m.Package.Ecosystem, m.Package.Name, m.Canonical, "."),
		Category:    fairlead.CategorySCA, Rule: m.Vulnerability.ID, Tool: "scan.sca",
		Severity: m.Severity, SeveritySource: m.SeveritySource, CWE: m.CWE, Component: m.Component, Vulnerability: m.Vulnerability,
		Reachability: fairlead.ReachableUnknown, FixedIn: m.FixedIn,
		Message: fmt.Sprintf("%s %s: %s", m.Component.Name, m.Component.Version, cmp.Or(m.Summary, m.Canonical)),
	}
	if m.ClearedBy != "" {
		f.Fix = strings.TrimSuffix(m.ClearedBy+" clears everything known about it: "+remedy.Command(m.Package.Ecosystem, m.Package.Name, m.ClearedBy, false), ": ")
	}
	return fairlead.Exposure{
		Environment: h.Environment, Service: h.Service, Release: h.Release, Vulnerability: m.Canonical, PURL: h.PURL,
		Finding: f, Database: e.Database, Since: e.Now,
	}
}

func idOf(x fairlead.Exposure) string {
	return strings.Join([]string{x.Environment, x.Service, string(x.Release), x.Vulnerability, x.PURL}, "\x00")
}

func order(a, b fairlead.Exposure) int { return cmp.Compare(idOf(a), idOf(b)) }

// record writes what changed: one record for each release and vulnerability,
// all in one update.
func (e *Evaluator) record(ctx context.Context, c Change) error {
	var u fairlead.Update
	for _, list := range []struct {
		typ fairlead.RecordType
		all []fairlead.Exposure
	}{{fairlead.RecordReleaseAffected, c.Affected}, {fairlead.RecordReleaseCleared, c.Cleared}} {
		for _, x := range list.all {
			data, err := json.Marshal(map[string]any{
				"environment": x.Environment, "service": x.Service, "release": x.Release, "vulnerability": x.Vulnerability,
				"component": x.PURL, "severity": x.Finding.Severity, "fixed_in": x.Finding.FixedIn, "database": e.Database,
			})
			if err != nil {
				return &fairlead.Problem{Op: "record exposure", Kind: fairlead.KindInternal, Err: err}
			}
			u.Records = append(u.Records, fairlead.Record{
				ID:   string(list.typ) + "/" + fairlead.DigestJSON([]string{idOf(x), string(e.Database)}).Short() + "/" + fmt.Sprint(e.Now.UnixNano()),
				Type: list.typ, Subject: string(x.Release), Time: e.Now, Data: data,
			})
			u.Exposures = append(u.Exposures, x)
		}
	}
	if len(u.Records) == 0 {
		return nil
	}
	_, err := e.Index.Commit(ctx, u)
	return err
}
