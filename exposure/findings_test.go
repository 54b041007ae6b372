package exposure_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/correlate"
	"fairlead.dev/exposure"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/internal/pgtest"
	"fairlead.dev/purl"
	"fairlead.dev/triage"
	"fairlead.dev/vulndb"
)

// tracked gives the findings of the shop in production.
func (w *world) tracked() []fairlead.Tracked {
	w.Helper()
	production := "production"
	all, err := w.db.Findings(w.Context(), fairlead.TrackedFilter{Service: "shop", Environment: &production})
	w.must(err)
	return all
}

// scanned takes what a run's own scan of a bill of materials sees into account,
// as the flow does.
func (w *world) scanned(run string, document []byte, at time.Time) (changed []fairlead.Tracked) {
	w.Helper()
	d, err := cyclonedx.Decode(document)
	w.must(err)
	parts := correlate.Parts(d)
	var components []fairlead.Component
	for _, p := range parts {
		components = append(components, p.Component)
	}
	known, err := vulndb.Open(w.Context(), w.file)
	w.must(err)
	defer known.Close()
	matches, err := known.Match(w.Context(), components)
	w.must(err)
	s := triage.Scan{Service: "shop", Environment: "production", RunID: run, Time: at, Complete: []string{correlate.Tool}}
	for _, m := range matches.Found {
		for _, f := range correlate.Findings(m, parts[m.Component.PURL]) {
			f.Reachability = fairlead.ReachableImported // which only a scan of the source can know
			s.Findings = append(s.Findings, f)
		}
	}
	_, changed = triage.Update(w.tracked(), s, fairlead.DefaultClock())
	_, err = w.db.Commit(w.Context(), fairlead.Update{
		Records:  []fairlead.Record{{ID: run + "/findings", Type: fairlead.RecordFindingsChanged, Subject: run, Time: at}},
		Findings: changed,
	})
	w.must(err)
	return changed
}

// billIn names one component in two folders.
func billIn(purl string) []byte {
	return fmt.Appendf(nil, `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"library","name":"left-pad","version":"1.0.0",
		"bom-ref":"r","purl":%q,"evidence":{"occurrences":[{"location":"web/package-lock.json","line":7},{"location":"package-lock.json"}]}}]}`, purl)
}

// A new advisory opens findings of what runs, with due dates, at once; what a
// scan sees of it later is the same finding, and a withdrawal fixes it.
func TestAnAdvisoryOpensFindings(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { opensFindings(newWorldOn(t, "sqlite:"+filepath.Join(t.TempDir(), "fairlead.db"))) })
	t.Run("PostgreSQL", func(t *testing.T) { opensFindings(newWorldOn(t, pgtest.Start(t))) })
}

func opensFindings(w *world) {
	document := billIn("pkg:npm/left-pad@1.0.0")
	w.learn("EXAMPLE-0", "other", "")
	w.live("production", "shop", document)
	if change := w.evaluate(nil); len(change.Findings) != 0 {
		w.Fatalf("nothing is known: %+v", change)
	}
	change := w.evaluate(w.learn("CVE-2026-1", "left-pad", "").Packages)
	opened := w.tracked()
	if len(opened) != 2 || len(change.Findings) != 2 {
		w.Fatalf("one for each folder: %+v", opened)
	}
	for _, f := range opened {
		// unknown severity has the time of high
		if since := now.Add(time.Duration(w.looks) * time.Second); f.State != fairlead.FindingNew || !f.Due.Equal(since.Add(7*24*time.Hour)) || f.Finding.Fix == "" {
			w.Errorf("opened %+v", f)
		}
	}
	if at := []string{opened[0].Finding.Location.Path, opened[1].Finding.Location.Path}; !slices.Contains(at, "web/package-lock.json") || !slices.Contains(at, "package-lock.json") {
		w.Errorf("places %v", at)
	}
	if again := w.evaluate([]purl.Key{{Ecosystem: "npm", Name: "left-pad"}}); len(again.Findings)+len(again.Affected) != 0 {
		w.Errorf("once more: %+v", again)
	}

	w.scanned("r2", document, now.Add(time.Duration(w.looks)*time.Second+time.Millisecond))
	seen := w.tracked()
	if len(seen) != 2 || seen[0].ID != opened[0].ID || seen[1].ID != opened[1].ID {
		w.Fatalf("a scan of the same is another finding: %+v", seen)
	}
	for i, f := range seen {
		if len(f.Observations) != 1 || f.State != fairlead.FindingOpen || !f.Due.Equal(opened[i].Due) || f.Finding.Reachability != fairlead.ReachableImported {
			w.Errorf("after a scan: %+v", f)
		}
	}

	// What is said otherwise is learned, and what the scan knows is kept.
	path := filepath.Join(w.dir, "kev.json")
	w.must(os.WriteFile(path, []byte(`{"title":"CISA Catalog of Known Exploited Vulnerabilities","catalogVersion":"2026.11.01","dateReleased":"2026-11-01T00:00:00Z","count":1,
		"vulnerabilities":[{"cveID":"CVE-2026-1","vendorProject":"x","product":"left-pad","vulnerabilityName":"x","dateAdded":"2026-11-01","dueDate":"2026-11-22","shortDescription":"x","requiredAction":"x"}]}`), 0o600))
	exploited, err := vulndb.Import(w.Context(), w.file, now, vulndb.Input{Path: path})
	w.must(err)
	w.evaluate(exploited.Packages)
	for _, f := range w.tracked() {
		if !f.Due.Equal(f.FirstSeen.Add(24*time.Hour)) || f.Finding.Reachability != fairlead.ReachableImported || f.State != fairlead.FindingOpen {
			w.Errorf("known to be exploited: %+v", f)
		}
	}
	w.live("production", "shop", document)
	if change := w.evaluate(nil); len(change.Findings) != 0 {
		w.Errorf("released again, and nothing is new: %+v", change.Findings)
	}
	w.evaluate(w.learn("CVE-2026-1", "left-pad", "2026-10-02T00:00:00Z").Packages)
	for _, f := range w.tracked() {
		if f.State != fairlead.FindingFixed || !f.Due.IsZero() {
			w.Errorf("withdrawn: %+v", f)
		}
	}
	w.evaluate(w.learn("CVE-2026-1", "left-pad", "").Packages)
	for _, f := range w.tracked() {
		if f.State != fairlead.FindingReopened || f.Due.IsZero() {
			w.Errorf("published again: %+v", f)
		}
	}
	if all, err := w.db.Exposures(w.Context()); err != nil || len(all) != 1 {
		w.Errorf("exposures %+v, %v", all, err)
	}
}

// What was learned of a release, and seen by no scan, is gone with it, unless
// nothing is known of the next one.
func TestReplacedReleaseTakesItsFindings(t *testing.T) {
	w := newWorld(t)
	w.learn("EXAMPLE-0", "left-pad", "")
	w.live("production", "shop", billIn("pkg:npm/left-pad@1.0.0"))
	w.evaluate(nil)
	w.live("production", "shop", nil)
	w.evaluate(nil)
	if all := w.tracked(); len(all) != 2 || all[0].State == fairlead.FindingFixed {
		t.Fatalf("fixed by what nobody knows: %+v", all)
	}
	w.live("production", "shop", bill("pkg:npm/left-pad@2.0.0"))
	w.evaluate(nil)
	for _, f := range w.tracked() {
		if f.State != fairlead.FindingFixed {
			t.Errorf("left behind: %+v", f)
		}
	}
}

// A finding that changes while it is looked at is read again.
func TestFindingsThatChangeMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.learn("EXAMPLE-0", "left-pad", "")
	document := billIn("pkg:npm/left-pad@1.0.0")
	w.live("production", "shop", document)
	known, err := vulndb.Open(t.Context(), w.file)
	w.must(err)
	defer known.Close()
	meddling := &meddler{world: w, Store: w.db, meddle: func() { w.scanned("r1", document, now) }}
	e := exposure.Evaluator{Index: meddling, Documents: w, Advisories: known, Now: now.Add(time.Minute)}
	_, err = e.Evaluate(t.Context(), nil)
	w.must(err)
	all := w.tracked()
	if meddling.commits != 2 || len(all) != 2 || all[0].Finding.Reachability != fairlead.ReachableImported {
		t.Errorf("%d commits, %+v", meddling.commits, all)
	}
}
