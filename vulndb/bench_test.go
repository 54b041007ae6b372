package vulndb_test

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"fairlead.dev"
	"fairlead.dev/purl"
	"fairlead.dev/vulndb"
)

// BenchmarkImport makes a database of the real records for Go and PyPI.
func BenchmarkImport(b *testing.B) {
	inputs := []vulndb.Input{{Path: data(b, "osv/Go.zip")}, {Path: data(b, "osv/PyPI.zip")}}
	records := 0
	for b.Loop() {
		change, err := vulndb.Import(b.Context(), filepath.Join(b.TempDir(), "vulndb.sqlite"), now(), inputs...)
		if err != nil {
			b.Fatal(err)
		}
		records = len(change.Added)
	}
	b.ReportMetric(float64(records), "records")
}

// BenchmarkMatch looks up 1,000 components of which one in twenty has records in
// the database, as in a bill of materials that is kept in order, or every one,
// which is the hardest there is.
func BenchmarkMatch(b *testing.B) {
	files := []string{data(b, "osv/Go.zip"), data(b, "osv/PyPI.zip")}
	path := filepath.Join(b.TempDir(), "vulndb.sqlite")
	if _, err := vulndb.Import(b.Context(), path, now(), vulndb.Input{Path: files[0]}, vulndb.Input{Path: files[1]}); err != nil {
		b.Fatal(err)
	}
	all := append(packages(b, files[0], "pkg:golang/", "@v1.0.0"), packages(b, files[1], "pkg:pypi/", "@1.0.0")...)
	db, err := vulndb.Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for name, every := range map[string]int{"one in twenty known": 20, "all known": 1} {
		components := slices.Clone(all)
		for i := range components {
			if i%every != 0 {
				components[i] = purl.Component(fmt.Sprintf("pkg:golang/example.org/unknown/module%d@v1.0.0", i))
			}
		}
		b.Run(name, func(b *testing.B) {
			found := 0
			for b.Loop() {
				got, err := db.Match(b.Context(), components)
				if err != nil {
					b.Fatal(err)
				}
				found = len(got.Found)
			}
			b.ReportMetric(float64(len(components)), "components")
			b.ReportMetric(float64(found), "found")
		})
	}
}

// packages gives the first 500 packages of an archive of records, as components.
func packages(b *testing.B, archive, before, version string) []fairlead.Component {
	b.Helper()
	const most = 500
	z, err := zip.OpenReader(archive)
	if err != nil {
		b.Fatal(err)
	}
	defer z.Close()
	var out []fairlead.Component
	seen := map[string]bool{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			b.Fatal(err)
		}
		var record struct {
			Affected []struct{ Package struct{ Name string } }
		}
		err = json.NewDecoder(r).Decode(&record)
		_ = r.Close()
		if err != nil {
			b.Fatal(err)
		}
		for _, a := range record.Affected {
			if name := a.Package.Name; !seen[name] && name != "" && len(out) < most {
				seen[name] = true
				out = append(out, purl.Component(before+name+version))
			}
		}
	}
	return out
}
