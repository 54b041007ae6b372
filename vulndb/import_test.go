package vulndb_test

import (
	"archive/zip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/vulndb"
)

// advisory is a record about a package, of which versions before 2.0.0 are affected.
func advisory(id, ecosystem, name, modified string) string {
	return fmt.Sprintf(`{"id":%q,"modified":%q,"affected":[{"package":{"ecosystem":%q,"name":%q},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0.0"}]}]}]}`,
		id, modified, ecosystem, name)
}

// many gives n records about packages of an ecosystem, by file name.
func many(ecosystem, prefix string, n int) map[string]string {
	out := map[string]string{}
	for i := range n {
		id := fmt.Sprintf("%s-%d", prefix, i)
		out[id+".json"] = advisory(id, ecosystem, fmt.Sprintf("p%d", i), "2026-01-01T00:00:00Z")
	}
	return out
}

// archive writes a zip; folder writes a directory.
func archive(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for n, content := range files {
		w, err := z.Create(n)
		if err == nil {
			_, err = w.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "records")
	for n, content := range files {
		p := filepath.Join(dir, filepath.FromSlash(n))
		if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// world is a database that a test fills.
type world struct {
	*testing.T
	path string
}

func newWorld(t *testing.T) world { return world{t, filepath.Join(t.TempDir(), "vulndb.sqlite")} }

func (w world) take(inputs ...vulndb.Input) vulndb.Change {
	w.Helper()
	change, err := vulndb.Import(w.Context(), w.path, now(), inputs...)
	if err != nil {
		w.Fatal(err)
	}
	return change
}

// refuse holds that an import fails, and that everything is as it was.
func (w world) refuse(kind fairlead.Kind, says string, inputs ...vulndb.Input) {
	w.Helper()
	before, _ := os.ReadFile(w.path)
	_, err := vulndb.Import(w.Context(), w.path, now(), inputs...)
	if fairlead.KindOf(err) != kind || !strings.Contains(err.Error(), says) {
		w.Errorf("got %v, want %s that says %q", err, kind, says)
	}
	if after, _ := os.ReadFile(w.path); !slices.Equal(before, after) {
		w.Error("the database is another one")
	}
	left, err := filepath.Glob(w.path + ".new*")
	if err != nil || len(left) > 0 {
		w.Errorf("left %v, %v", left, err)
	}
}

func (w world) state() vulndb.State {
	w.Helper()
	db := w.open()
	defer db.Close()
	s, err := db.State(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	return s
}

func (w world) open() *vulndb.DB {
	w.Helper()
	db, err := vulndb.Open(w.Context(), w.path)
	if err != nil {
		w.Fatal(err)
	}
	return db
}

func (w world) match(purl string, products ...string) vulndb.Matches {
	w.Helper()
	db := w.open()
	defer db.Close()
	m, err := db.Match(w.Context(), []fairlead.Component{{PURL: purl}}, products...)
	if err != nil {
		w.Fatal(err)
	}
	return m
}

// sources lists the names of sources with their counts.
func (w world) sources() string {
	var out []string
	for _, s := range w.state().Sources {
		out = append(out, fmt.Sprintf("%s %d", s.Name, s.Records))
	}
	return strings.Join(out, ", ")
}

// Archives that osv.dev publishes are all named all.zip, and hold records that
// are about packages of other ecosystems, too: none may take the place of another.
func TestArchivesStayApart(t *testing.T) {
	w := newWorld(t)
	npm, maven := many("npm", "GHSA-n", 30), many("Maven", "GHSA-m", 30)
	both := `{"id":"GHSA-both","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"b"},"versions":["1"]},{"package":{"ecosystem":"Maven","name":"b:b"},"versions":["1"]}]}`
	npm["GHSA-both.json"], maven["GHSA-both.json"] = both, both
	w.take(vulndb.Input{Path: archive(t, "npm/all.zip", npm)})
	w.take(vulndb.Input{Path: archive(t, "Maven/all.zip", maven)})
	if got := w.sources(); got != "Maven 31, npm 31" || w.state().Advisories != 61 {
		t.Errorf("sources %s of %d", got, w.state().Advisories)
	}
	delete(maven, "GHSA-both.json")
	if c := w.take(vulndb.Input{Path: archive(t, "Maven/all.zip", maven)}); len(c.Removed) != 0 {
		t.Errorf("removed %v, which the other archive has", c.Removed)
	}
	delete(npm, "GHSA-both.json")
	if c := w.take(vulndb.Input{Path: archive(t, "npm/all.zip", npm)}); !slices.Equal(c.Removed, []string{"GHSA-both"}) {
		t.Errorf("removed %v", c.Removed)
	}
	mixed := many("npm", "X", 2)
	for n, r := range many("Maven", "Y", 2) {
		mixed[n] = r
	}
	w.take(vulndb.Input{Path: archive(t, "house/all.zip", mixed)}, vulndb.Input{Path: archive(t, "x.zip", many("Hex", "H", 1)), Origin: "https://example.test/Hex/all.zip"})
	if got := w.sources(); got != "Hex 1, Maven 30, house 4, npm 30" {
		t.Errorf("sources %s", got)
	}
}

// A small archive of one's own, or one that was cut, must not take away what the
// big one had.
func TestASourceIsNotLostByAccident(t *testing.T) {
	w := newWorld(t)
	w.take(vulndb.Input{Path: archive(t, "Go.zip", many("Go", "GO", 100))})
	own := archive(t, "own.zip", many("Go", "OWN", 2))
	w.refuse(fairlead.KindConflict, "100 of 100 records", vulndb.Input{Path: own})
	w.take(vulndb.Input{Path: own, Name: "own"})
	if got := w.sources(); got != "Go 100, own 2" {
		t.Errorf("sources %s", got)
	}
	w.take(vulndb.Input{Path: archive(t, "Go.zip", many("Go", "GO", 80))})
	w.refuse(fairlead.KindConflict, "40 of 80 records", vulndb.Input{Path: archive(t, "Go.zip", many("Go", "GO", 40))})
	w.take(vulndb.Input{Path: archive(t, "Go.zip", many("Go", "GO", 40)), Shrink: true})
	if got := w.sources(); got != "Go 40, own 2" {
		t.Errorf("sources %s", got)
	}
	w.refuse(fairlead.KindConflict, `both all of the source "npm"`,
		vulndb.Input{Path: archive(t, "a.zip", many("npm", "A", 3))}, vulndb.Input{Path: archive(t, "b.zip", many("npm", "B", 3))})
	w.refuse(fairlead.KindConflict, "of kind osv", vulndb.Input{Path: kevFile(t, "CVE-2026-1"), Name: "Go"})
}

// A mirror that stands still must not bring back what a newer record has mended.
func TestOlderRecordsReplaceNothing(t *testing.T) {
	w := newWorld(t)
	newer := strings.Replace(advisory("GHSA-1", "npm", "a", "2026-03-01T00:00:00Z"), "2.0.0", "3.0.0", 1)
	w.take(vulndb.Input{Path: folder(t, map[string]string{"a.json": newer})})
	c := w.take(vulndb.Input{Path: archive(t, "old.zip", map[string]string{"GHSA-1.json": advisory("GHSA-1", "npm", "a", "2026-01-01T00:00:00Z")}), Name: "old"})
	if len(c.Changed) != 0 || len(w.match("pkg:npm/a@2.5.0").Found) != 1 {
		t.Errorf("changed %v: an older form of the record is taken", c.Changed)
	}
}

// Checkouts of databases have more in them than records, and some are in YAML.
func TestCheckouts(t *testing.T) {
	w := newWorld(t)
	c := w.take(vulndb.Input{Path: folder(t, map[string]string{
		"data/osv/GO-1.json":         advisory("GO-1", "Go", "example.test/a", "2026-01-01T00:00:00Z"),
		"data/cve/v5/GO-1.json":      `{"dataType":"CVE_RECORD","cveMetadata":{"cveId":"CVE-2026-1"}}`,
		"data/reports/GO-1.yaml":     "id: GO-1\nmodules:\n  - module: example.test/a\npublished: 2026-01-01T00:00:00Z\n",
		"index/modules.json":         `[{"path":"example.test/a"}]`,
		"vulns/x/PYSEC-2026-1.yaml":  "id: PYSEC-2026-1\nmodified: '2026-01-01T00:00:00Z'\naffected:\n- package: {ecosystem: PyPI, name: x}\n  versions: ['1.10']\n",
		"deploy/two.yaml":            "a: 1\n---\nb: 2\n",
		"README.md":                  "# Records",
		"internal/testdata/bad.json": `{"id":"GO-1","modified":"2026-`,
		".github/cut.json":           `{`,
		"vex/house.json": `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.test/vex","author":"a","timestamp":"2026-10-01T00:00:00Z","version":1,
			"statements":[{"vulnerability":{"name":"GO-1"},"products":[{"@id":"pkg:golang/example.test/a@1.0.0"}],"status":"not_affected","justification":"component_not_present"}]}`,
	}), Name: "checkout"})
	if got := w.sources(); got != "checkout 2, vex:https://example.test/vex 1" {
		t.Errorf("sources %s", got)
	}
	if len(c.Passed) != 1 || c.Passed[0].Files != 5 {
		t.Errorf("passed over %+v", c.Passed)
	}
	if m := w.match("pkg:pypi/x@1.10").Found; len(m) != 1 || m[0].Vulnerability.ID != "PYSEC-2026-1" {
		t.Errorf("found %+v", m)
	}
	if m := w.match("pkg:golang/example.test/a@v1.0.0").Found; len(m) != 1 || m[0].Vulnerability.VEX != "not_affected" {
		t.Errorf("found %+v", m)
	}
}

func TestHostileInputs(t *testing.T) {
	w := newWorld(t)
	good := advisory("A-1", "npm", "a", "2026-01-01T00:00:00Z")
	w.take(vulndb.Input{Path: folder(t, map[string]string{"a.json": good})})
	circle := folder(t, map[string]string{"a.json": good, "d/b.json": advisory("A-2", "npm", "b", "2026-01-01T00:00:00Z")})
	for from, to := range map[string]string{"d/up": "..", "d/self": "self", "out.json": "/etc/passwd"} {
		if err := os.Symlink(to, filepath.Join(circle, from)); err != nil {
			t.Fatal(err)
		}
	}
	w.take(vulndb.Input{Path: circle}) // links are not followed
	whole, err := os.ReadFile(archive(t, "x.zip", many("npm", "N", 50)))
	if err != nil {
		t.Fatal(err)
	}
	file := func(content string) string { return filepath.Join(folder(t, map[string]string{"f": content}), "f") }
	big := `{"id":"B-%d","modified":"2026-01-01T00:00:00Z","details":"` + strings.Repeat("a", 15<<20) + `"}`
	bomb := map[string]string{}
	for i := range 5 {
		bomb[fmt.Sprintf("%d.json", i)] = fmt.Sprintf(big, i)
	}
	for name, c := range map[string]struct{ path, says string }{
		"a cut archive":            {file(string(whole[:len(whole)/2])), "zip"},
		"a bomb":                   {archive(t, "bomb.zip", bomb), "decompression bomb"},
		"an endless record":        {archive(t, "large.zip", map[string]string{"a.json": strings.Repeat(" ", 17<<20)}), "more than"},
		"a cut record":             {archive(t, "cut.zip", map[string]string{"a.json": good, "b.json": good[:40]}), "b.json"},
		"a record that is none":    {archive(t, "none.zip", map[string]string{"a.json": `{"id":"","modified":"2026-01-01T00:00:00Z"}`}), "identifier"},
		"one id, two records":      {archive(t, "two.zip", map[string]string{"a.json": good, "b.json": strings.Replace(good, "2.0.0", "3.0.0", 1)}), "as well"},
		"nothing":                  {folder(t, map[string]string{"a.txt": "x"}), "no OSV record"},
		"an empty file":            {file(""), "not an OSV record"},
		"text of no encoding":      {file("\xff\xfe{"), "UTF-8"},
		"a device":                 {"/dev/zero", "not a regular file"},
		"what is not there":        {filepath.Join(t.TempDir(), "nothing"), "no such file"},
		"gzip that is cut":         {file("\x1f\x8b\x08\x00\x00"), "EOF"},
		"a KEV entry without date": {file(`{"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-1"}]}`), "no date"},
	} {
		t.Run(name, func(t *testing.T) {
			world{t, w.path}.refuse(fairlead.KindInvalid, c.says, vulndb.Input{Path: c.path})
		})
	}
}

// Imports take turns: none is lost, whatever others do at the time.
func TestImportsAtOnce(t *testing.T) {
	w := newWorld(t)
	var done sync.WaitGroup
	for i := range 4 {
		in := vulndb.Input{Path: archive(t, fmt.Sprintf("s%d.zip", i), many("npm", fmt.Sprint("S", i), 20)), Name: fmt.Sprint("s", i)}
		done.Go(func() {
			if _, err := vulndb.Import(t.Context(), w.path, now(), in); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if got := w.sources(); got != "s0 20, s1 20, s2 20, s3 20" {
		t.Errorf("sources %s", got)
	}
}

// Who waits for another import can give up; what a dead one left is removed.
func TestImportAfterADeadOne(t *testing.T) {
	w := newWorld(t)
	w.take(vulndb.Input{Path: archive(t, "a.zip", many("npm", "A", 3))})
	for _, suffix := range []string{".new", ".new-wal", ".new-shm", ".new-journal"} {
		if err := os.WriteFile(w.path+suffix, []byte("half of something"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.take(vulndb.Input{Path: archive(t, "b.zip", many("Go", "B", 3))})
	if got := w.sources(); got != "Go 3, npm 3" {
		t.Errorf("sources %s", got)
	}
	if left, err := filepath.Glob(w.path + ".new*"); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if _, err := vulndb.Import(ctx, w.path, now(), vulndb.Input{Path: archive(t, "c.zip", many("Hex", "C", 3))}); err == nil {
		t.Error("an import that nobody waits for succeeds")
	}
}

// A directory that cannot be written is told, with what to look at.
func TestUnwritableDirectory(t *testing.T) {
	in := vulndb.Input{Path: archive(t, "a.zip", many("npm", "A", 3))}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := vulndb.Import(t.Context(), filepath.Join(file, "vulndb.sqlite"), now(), in)
	if fairlead.KindOf(err) != fairlead.KindUnavailable || !strings.Contains(fairlead.HintOf(err), "permissions") {
		t.Errorf("%v: %s", err, fairlead.HintOf(err))
	}
}

func TestDamagedDatabase(t *testing.T) {
	w := newWorld(t)
	in := vulndb.Input{Path: archive(t, "a.zip", many("npm", "A", 300))}
	w.take(in)
	whole, err := os.ReadFile(w.path)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"cut":         string(whole[:len(whole)/2]),
		"another":     "SQLite format 3\x00" + strings.Repeat("\x00", 4096),
		"text":        "not a database",
		"overwritten": string(whole[:8192]) + strings.Repeat("\xaa", len(whole)-8192),
	} {
		t.Run(name, func(t *testing.T) {
			p := filepath.Join(t.TempDir(), "vulndb.sqlite")
			if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := vulndb.Import(t.Context(), p, now(), vulndb.Input{Path: archive(t, "b.zip", many("npm", "A", 299))}); fairlead.KindOf(err) != fairlead.KindUnavailable {
				t.Errorf("import: %v", err)
			}
			db, err := vulndb.Open(t.Context(), p)
			if err == nil {
				_, err = db.Match(t.Context(), []fairlead.Component{{PURL: "pkg:npm/p1@1.0.0"}, {PURL: "pkg:npm/p299@1.0.0"}})
				defer db.Close()
			}
			if fairlead.KindOf(err) != fairlead.KindUnavailable || fairlead.HintOf(err) == "" {
				t.Errorf("look-up: %v", err)
			}
		})
	}
}

// The database is as old as the oldest of its archives, whatever single record
// was added.
func TestAge(t *testing.T) {
	w := newWorld(t)
	old := filepath.Join(folder(t, map[string]string{"a.json": advisory("A-1", "npm", "a", "2019-01-01T00:00:00Z")}), "a.json")
	w.take(vulndb.Input{Path: old})
	if got := w.state().Snapshot.Year(); got != 2019 {
		t.Errorf("of %d", got)
	}
	w.take(vulndb.Input{Path: archive(t, "a.zip", many("npm", "N", 3))}, vulndb.Input{Path: archive(t, "b.zip", map[string]string{"G.json": advisory("G", "Go", "g", "2026-03-01T00:00:00Z")})})
	w.take(vulndb.Input{Path: old}) // again, and last
	if s := w.state(); s.Age(now()) != now().Sub(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || len(s.Sources) != 3 {
		t.Errorf("of %s: %+v", s.Snapshot, s.Sources)
	}
	if s := (vulndb.State{}); s.Age(now()) < 100*365*24*time.Hour {
		t.Errorf("nothing at all is %s old", s.Age(now()))
	}
}

func TestExport(t *testing.T) {
	w := newWorld(t)
	w.take(vulndb.Input{Path: archive(t, "a.zip", many("npm", "A", 3))})
	to := filepath.Join(t.TempDir(), "copy.sqlite")
	if err := vulndb.Export(t.Context(), w.path, to); err != nil {
		t.Fatal(err)
	}
	if a, b := w.state(), (world{t, to}).state(); a.Digest != b.Digest {
		t.Errorf("the copy has digest %s, not %s", b.Digest, a.Digest)
	}
	if err := vulndb.Export(t.Context(), w.path, to); fairlead.KindOf(err) != fairlead.KindConflict {
		t.Errorf("over a file: %v", err)
	}
	if err := vulndb.Export(t.Context(), w.path, filepath.Join(to, "x")); fairlead.KindOf(err) != fairlead.KindUnavailable {
		t.Errorf("into a file: %v", err)
	}
	if err := vulndb.Export(t.Context(), filepath.Join(t.TempDir(), "none"), to+"2"); fairlead.KindOf(err) != fairlead.KindNotFound {
		t.Errorf("of nothing: %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(to), "*")); err != nil || len(left) != 1 {
		t.Errorf("left %v, %v", left, err)
	}
}
