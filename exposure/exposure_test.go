package exposure_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/exposure"
	"fairlead.dev/purl"
	"fairlead.dev/store"
	"fairlead.dev/vulndb"
)

var now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// world is a store and a database of vulnerabilities, both real.
type world struct {
	testing.TB
	db       *store.Store
	file     string // of the database of vulnerabilities
	dir      string
	releases int64
	looks    int               // how often was re-evaluated
	bills    map[string][]byte // by deployment: what its run has signed
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, "sqlite:"+filepath.Join(t.TempDir(), "fairlead.db"))
}

func newWorldOn(t testing.TB, url string) *world {
	t.Helper()
	w := &world{TB: t, dir: t.TempDir(), bills: map[string][]byte{}}
	w.file = filepath.Join(w.dir, "vulndb.sqlite")
	var err error
	w.db, err = store.Open(t.Context(), url)
	w.must(err)
	t.Cleanup(func() { w.db.Close() })
	return w
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// Documents gives what a deployment's run has signed, without a signature.
func (w *world) Documents(_ context.Context, s fairlead.EnvironmentState) ([][]byte, error) {
	if b := w.bills[s.Deployment]; b != nil {
		return [][]byte{b}, nil
	}
	return nil, nil
}

// live makes a release of a service take the traffic of an environment.
func (w *world) live(environment, service string, bill []byte) fairlead.Digest {
	w.Helper()
	w.releases++
	id := fairlead.DigestBytes(fmt.Append(nil, "release ", w.releases))
	deployment := fmt.Sprint("d", w.releases)
	w.bills[deployment] = bill
	_, err := w.db.Commit(w.Context(), fairlead.Update{
		Records: []fairlead.Record{{ID: deployment, Type: fairlead.RecordRunFinished, Subject: deployment, RunID: deployment, Time: now}},
		Environment: &fairlead.EnvironmentState{
			Environment: environment, Service: service, Fence: w.releases, Deployment: deployment, Current: &fairlead.Release{ID: id},
		},
	})
	w.must(err)
	return id
}

// learn imports one record about a package of npm, affected before version 2.0.0.
func (w *world) learn(id, pkg, withdrawn string) vulndb.Change {
	w.Helper()
	if withdrawn != "" {
		withdrawn = `"withdrawn":"` + withdrawn + `",`
	}
	record := fmt.Sprintf(`{"schema_version":"1.6.0","id":%q,"modified":"2026-10-0%dT00:00:00Z",%s"summary":"it leaks","affected":[
		{"package":{"ecosystem":"npm","name":%q},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"2.0.0"}]}]}]}`,
		id, 1+len(withdrawn)%2, withdrawn, pkg)
	path := filepath.Join(w.dir, id+".json")
	w.must(os.WriteFile(path, []byte(record), 0o600))
	change, err := vulndb.Import(w.Context(), w.file, now, vulndb.Input{Path: path})
	w.must(err)
	return change
}

func (w *world) evaluate(packages []purl.Key) exposure.Change {
	w.Helper()
	known, err := vulndb.Open(w.Context(), w.file)
	w.must(err)
	defer known.Close()
	w.looks++
	e := exposure.Evaluator{Index: w.db, Documents: w, Advisories: known, Now: now.Add(time.Duration(w.looks) * time.Second)}
	change, err := e.Evaluate(w.Context(), packages)
	w.must(err)
	return change
}

func bill(purls ...string) []byte {
	b := []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[`)
	for i, p := range purls {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"type":"library","name":"n%d","bom-ref":"r%d","purl":%q}`, i, i, p)
	}
	return append(b, `]}`...)
}

// A new advisory names every running release with the component in it, once, and
// nothing else: not one with another version, not one that was replaced, not one
// without a bill of materials. Withdrawn, it holds no more.
func TestNewAdvisory(t *testing.T) {
	w := newWorld(t)
	w.learn("EXAMPLE-0", "other", "")
	w.live("staging", "shop", bill("pkg:npm/left-pad@1.0.0"))
	replaced := w.live("production", "shop", bill("pkg:npm/left-pad@1.0.0"))
	w.evaluate(nil)
	w.live("production", "shop", bill("pkg:npm/left-pad@2.0.0"))
	w.live("production", "api", bill("pkg:npm/left-pad@1.9.0", "pkg:npm/other@3.0.0"))
	w.live("production", "bare", nil)

	change := w.evaluate(w.learn("EXAMPLE-1", "left-pad", "").Packages)
	var got []string
	for _, x := range change.Affected {
		got = append(got, x.Environment+"/"+x.Service+" "+x.Vulnerability+" "+x.PURL)
		if x.Release == replaced {
			t.Errorf("%+v takes no traffic any more", x)
		}
	}
	if want := "[production/api EXAMPLE-1 pkg:npm/left-pad@1.9.0 staging/shop EXAMPLE-1 pkg:npm/left-pad@1.0.0]"; fmt.Sprint(got) != want {
		t.Errorf("affected %v, want %v", got, want)
	}
	if again := w.evaluate(nil); len(again.Affected)+len(again.Cleared) > 0 {
		t.Errorf("once more: %+v", again)
	}
	if all, err := w.db.Exposures(t.Context()); err != nil || len(all) != 2 {
		t.Errorf("recorded %+v, %v", all, err)
	}
	cleared := w.evaluate(w.learn("EXAMPLE-1", "left-pad", "2026-10-02T00:00:00Z").Packages)
	if len(cleared.Cleared) != 2 || len(cleared.Affected) != 0 {
		t.Errorf("withdrawn: %+v", cleared)
	}
	if all, err := w.db.Exposures(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("afterwards %+v, %v", all, err)
	}
}

// What a statement says of one service clears that one, however often its
// component runs elsewhere, and of one commit none that runs.
func TestStatementAboutOneService(t *testing.T) {
	w := newWorld(t)
	w.learn("EXAMPLE-1", "left-pad", "")
	w.live("production", "shop", bill("pkg:npm/left-pad@1.0.0"))
	w.live("production", "api", bill("pkg:npm/left-pad@1.0.0"))
	if c := w.evaluate(nil); len(c.Affected) != 2 {
		t.Fatalf("affected %+v", c.Affected)
	}
	says := func(id, product string) exposure.Change {
		path := filepath.Join(w.dir, id+".json")
		w.must(os.WriteFile(path, fmt.Appendf(nil, `{"@context":"https://openvex.dev/ns/v0.2.0","@id":%q,"author":"dana",
			"timestamp":"2026-10-05T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"EXAMPLE-1"},"products":[{"@id":%q}],
			"status":"not_affected","justification":"vulnerable_code_not_in_execute_path"}]}`, "https://vex.test/"+id, product), 0o600))
		change, err := vulndb.Import(t.Context(), w.file, now, vulndb.Input{Path: path})
		w.must(err)
		return w.evaluate(change.Packages)
	}
	if c := says("commit", "pkg:generic/shop@0123abc"); len(c.Cleared) != 0 {
		t.Errorf("cleared by a statement about a commit: %+v", c.Cleared)
	}
	c := says("service", "pkg:generic/shop")
	if len(c.Cleared) != 1 || c.Cleared[0].Service != "shop" || len(c.Affected) != 0 {
		t.Errorf("cleared %+v, affected %+v", c.Cleared, c.Affected)
	}
	if all, err := w.db.Exposures(t.Context()); err != nil || len(all) != 1 || all[0].Service != "api" {
		t.Errorf("still %+v, %v", all, err)
	}
}

// A bill of materials that cannot be read is said, not taken for an empty one.
func TestUnreadableBill(t *testing.T) {
	w := newWorld(t)
	w.learn("EXAMPLE-0", "other", "")
	w.live("production", "shop", []byte(`{"bomFormat":`))
	known, err := vulndb.Open(t.Context(), w.file)
	w.must(err)
	defer known.Close()
	e := exposure.Evaluator{Index: w.db, Documents: w, Advisories: known, Now: now}
	if _, err := e.Evaluate(t.Context(), nil); fairlead.KindOf(err) != fairlead.KindInternal {
		t.Errorf("got %v", err)
	}
}
