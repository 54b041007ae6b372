package main

import (
	"archive/zip"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"fairlead.dev"
	"fairlead.dev/vulndb"
)

//go:embed versions.md
var aboutVersions string

// osvRecord is what the evaluation of the schema reads of a record.
type osvRecord struct {
	ID        string        `json:"id"`
	Withdrawn string        `json:"withdrawn"`
	Affected  []osvAffected `json:"affected"`
}

type osvAffected struct {
	Package struct {
		Ecosystem string `json:"ecosystem"`
		Name      string `json:"name"`
	} `json:"package"`
	Versions []string `json:"versions"`
	Ranges   []struct {
		Type   string              `json:"type"`
		Events []map[string]string `json:"events"`
	} `json:"ranges"`
}

// osvTally counts answers for pairs of a version and a record of its package.
type osvTally struct {
	name   string
	purl   func(name, version string) string
	expect func(a osvAffected, version string) bool
	names  func(a osvAffected) []string // versions to ask about

	records                []osvRecord
	asked, affected, right int
	missed, wrong          []string
}

// versionsSection asks about real records.
func versionsSection(ctx context.Context, w io.Writer) error {
	data := cmp.Or(os.Getenv("FAIRLEAD_TESTDATA"), filepath.Join("..", "shared", "data"))
	fmt.Fprintf(w, "\n| records of | records | questions | affected | of them found | recall | wrongly found | precision |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	var others []string
	for _, t := range []*osvTally{
		{name: "Go", purl: goPURL, expect: affects, names: around},
		{name: "PyPI", purl: pypiPURL, expect: listed, names: func(a osvAffected) []string { return a.Versions }},
	} {
		if err := t.measure(ctx, filepath.Join(data, "osv", t.name+".zip")); err != nil {
			return err
		}
		fmt.Fprintf(w, "| %s | %d | %d | %d | %d | %.4f | %d | %.4f |\n",
			t.name, len(t.records), t.asked, t.affected, t.right, ratio(t.right, t.affected), len(t.wrong), ratio(t.right, t.right+len(t.wrong)))
		others = append(others, excerpt(t.name+", missed", t.missed)...)
		others = append(others, excerpt(t.name+", wrongly found", t.wrong)...)
	}
	fmt.Fprintf(w, "\nDifferences: %s.\n", orNone(others))
	return nil
}

// excerpt names the first of many.
func excerpt(title string, all []string) []string {
	const most = 5
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	return []string{fmt.Sprintf("%s: %s (%d in all)", title, strings.Join(all[:min(most, len(all))], ", "), len(all))}
}

func goPURL(name, version string) string {
	return "pkg:golang/" + name + "@v" + strings.ReplaceAll(version, "+", "%2B")
}

func pypiPURL(name, version string) string {
	return "pkg:pypi/" + name + "@" + strings.NewReplacer("+", "%2B", "!", "%21").Replace(version)
}

// measure imports the records, without their lists of versions, and asks.
func (t *osvTally) measure(ctx context.Context, archive string) error {
	dir, err := os.MkdirTemp("", "accuracy-osv-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := t.read(archive, filepath.Join(dir, "records")); err != nil {
		return err
	}
	path := filepath.Join(dir, "vulndb.sqlite")
	if _, err := vulndb.Import(ctx, path, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), vulndb.Input{Path: filepath.Join(dir, "records"), Name: t.name}); err != nil {
		return err
	}
	db, err := vulndb.Open(ctx, path)
	if err != nil {
		return err
	}
	defer db.Close()
	by := map[string][]osvRecord{}
	for _, r := range t.records {
		for _, a := range r.Affected {
			by[a.Package.Name] = append(by[a.Package.Name], osvRecord{ID: r.ID, Withdrawn: r.Withdrawn, Affected: []osvAffected{a}})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(by)) {
		if err := t.ask(ctx, db, name, by[name]); err != nil {
			return err
		}
	}
	return nil
}

// ask asks about all versions that the records of one package name.
func (t *osvTally) ask(ctx context.Context, db *vulndb.DB, name string, all []osvRecord) error {
	versions := map[string]bool{}
	for _, r := range all {
		for _, v := range t.names(r.Affected[0]) {
			versions[v] = true
		}
	}
	var components []fairlead.Component
	found := map[string]map[string]bool{}
	for _, v := range slices.Sorted(maps.Keys(versions)) {
		components = append(components, fairlead.Component{Name: name, Version: v, PURL: t.purl(name, v)})
		found[v] = map[string]bool{}
	}
	got, err := db.Match(ctx, components)
	if err != nil {
		return err
	}
	for _, m := range got.Found {
		for _, id := range append(m.Vulnerability.Aliases, m.Vulnerability.ID) {
			found[m.Component.Version][id] = true
		}
	}
	for v, ids := range found {
		want := map[string]bool{}
		for _, r := range all {
			want[r.ID] = want[r.ID] || r.Withdrawn == "" && t.expect(r.Affected[0], v)
		}
		t.count(name+"@"+v, want, ids)
	}
	return nil
}

func (t *osvTally) count(what string, want, found map[string]bool) {
	for id, affected := range want {
		t.asked++
		switch {
		case affected && found[id]:
			t.affected++
			t.right++
		case affected:
			t.affected++
			t.missed = append(t.missed, what+" "+id)
		case found[id]:
			t.wrong = append(t.wrong, what+" "+id)
		}
	}
}

// read reads the records and writes them again without lists of versions.
func (t *osvTally) read(archive, to string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("real records are needed, in the folder that FAIRLEAD_TESTDATA names: %w", err)
	}
	defer z.Close()
	for _, f := range z.File {
		if filepath.Ext(f.Name) != ".json" {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return err
		}
		b, err := io.ReadAll(in)
		_ = in.Close()
		if err != nil {
			return err
		}
		var r osvRecord
		if err := json.Unmarshal(b, &r); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		t.records = append(t.records, r)
		if err := writeFile(to, filepath.Base(f.Name), withoutLists(b)); err != nil {
			return err
		}
	}
	return nil
}

// withoutLists removes the lists of versions of a record that has ranges for them.
func withoutLists(b []byte) string {
	var r map[string]any
	if json.Unmarshal(b, &r) != nil {
		return string(b)
	}
	all, _ := r["affected"].([]any)
	for _, a := range all {
		if m, ok := a.(map[string]any); ok && m["ranges"] != nil {
			delete(m, "versions")
		}
	}
	out, err := json.Marshal(r)
	if err != nil {
		return string(b)
	}
	return string(out)
}

// listed tells whether a record lists a version.
func listed(a osvAffected, version string) bool { return slices.Contains(a.Versions, version) }

// affects is the evaluation of the schema for semantic versions.
func affects(a osvAffected, version string) bool {
	v := "v" + version
	for _, r := range a.Ranges {
		if r.Type != "SEMVER" {
			continue
		}
		type event struct{ kind, at string }
		var events []event
		for _, e := range r.Events {
			for kind, at := range e {
				if at == "0" {
					at = "0.0.0-0" // before everything
				}
				events = append(events, event{kind, "v" + at})
			}
		}
		slices.SortStableFunc(events, func(a, b event) int { return semver.Compare(a.at, b.at) })
		in := false
		for _, e := range events {
			switch c := semver.Compare(v, e.at); {
			case e.kind == "introduced" && c >= 0:
				in = true
			case e.kind == "fixed" && c >= 0, e.kind == "last_affected" && c > 0:
				in = false
			}
		}
		if in {
			return true
		}
	}
	return false
}

// around gives the versions that a record names and those next to them.
func around(a osvAffected) []string {
	var out []string
	for _, r := range a.Ranges {
		for _, e := range r.Events {
			for _, at := range e {
				if at == "0" {
					at = "0.0.1"
				}
				if !semver.IsValid("v" + at) {
					continue
				}
				out = append(out, at)
				core, _, _ := strings.Cut(strings.TrimSuffix(at, semver.Build("v"+at)), "-")
				parts := strings.Split(core, ".")
				patch, err := strconv.Atoi(parts[len(parts)-1])
				if err != nil || len(parts) != 3 {
					continue
				}
				next := func(n int) string { return parts[0] + "." + parts[1] + "." + strconv.Itoa(n) }
				out = append(out, next(patch+1), next(patch)+"-rc.1")
				if patch > 0 {
					out = append(out, next(patch-1))
				}
			}
		}
	}
	return out
}
