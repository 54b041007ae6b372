package bench

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev/command"
	"fairlead.dev/confine"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/purl"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/sca"
	"fairlead.dev/step/steptest"
	"fairlead.dev/vulndb"
)

func TestMain(m *testing.M) {
	command.Guard()
	os.Exit(m.Run())
}

// BenchmarkColdMatch has the program look up a bill of materials of 1,000
// components as a run does: in a child process of its own, cut off from network
// and files, that begins with nothing. One component in twenty is known to the
// real databases for Go and PyPI, or every one. It says how many were found, and
// what a child that does nothing costs here.
func BenchmarkColdMatch(b *testing.B) {
	data := os.Getenv("FAIRLEAD_TESTDATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared", "data")
	}
	archives := []string{filepath.Join(data, "osv", "Go.zip"), filepath.Join(data, "osv", "PyPI.zip")}
	for _, a := range archives {
		if _, err := os.Stat(a); err != nil {
			b.Skipf("%v: set FAIRLEAD_TESTDATA to a folder that has it", err)
		}
	}
	program, _ := built(b)
	db := filepath.Join(b.TempDir(), "vulndb.sqlite")
	_, err := vulndb.Import(b.Context(), db, time.Now(), vulndb.Input{Path: archives[0]}, vulndb.Input{Path: archives[1]})
	check(b, err)
	known := append(packages(b, archives[0], "pkg:golang/%s@v1.0.0"), packages(b, archives[1], "pkg:pypi/%s@1.0.0")...)
	quick := sca.Type().Config.(sca.Config)
	quick.Reachability = false
	for _, c := range []struct {
		name  string
		every int
	}{{"one in twenty known", 20}, {"all known", 1}} {
		in := steptest.In(b, sca.Type(), map[string]string{"sbom.cdx.json": billOf(b, known, c.every)})
		in.Config = quick
		b.Run(c.name, func(b *testing.B) {
			var matches, nothing []time.Duration
			found := 0
			for b.Loop() {
				in.Advisories = db
				began := time.Now()
				out, err := confine.Run(b.Context(), program, sca.Type(), in)
				matches = append(matches, time.Since(began))
				check(b, err)
				found = len(out.Findings)
				in.Advisories = "" // it says so, and is done
				began = time.Now()
				out, err = confine.Run(b.Context(), program, sca.Type(), in)
				nothing = append(nothing, time.Since(began))
				if err != nil || out.Outcome != step.Skipped {
					b.Fatal(out, err)
				}
			}
			b.ReportMetric(microseconds(matches, 0.5)/1000, "p50-ms")
			b.ReportMetric(microseconds(matches, 0.9)/1000, "p90-ms")
			b.ReportMetric(microseconds(nothing, 0.5)/1000, "empty-ms")
			b.ReportMetric(float64(found), "found")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// billOf is a bill of materials of the components, of which one in every is
// known to the database.
func billOf(b *testing.B, known []string, every int) string {
	b.Helper()
	d := cyclonedx.Document{SerialNumber: cyclonedx.SerialNumber("bench"), Root: cyclonedx.Component{Ref: "root", Type: "application", Name: "shop"}}
	for i, name := range known {
		if i%every != 0 {
			name = fmt.Sprintf("pkg:golang/example.org/unknown/module%d@v1.0.0", i)
		}
		c := purl.Component(name)
		d.Components = append(d.Components, cyclonedx.Component{Name: c.Name, Version: c.Version, PURL: name})
	}
	text, err := cyclonedx.Encode(d)
	check(b, err)
	return string(text)
}

// packages gives the first 500 packages of an archive of records, as purls.
func packages(b *testing.B, archive, format string) []string {
	b.Helper()
	const most = 500
	z, err := zip.OpenReader(archive)
	check(b, err)
	defer z.Close()
	var out []string
	seen := map[string]bool{}
	for _, f := range z.File {
		r, err := f.Open()
		check(b, err)
		var record struct {
			Affected []struct{ Package struct{ Name string } }
		}
		err = json.NewDecoder(r).Decode(&record)
		_ = r.Close()
		check(b, err)
		for _, a := range record.Affected {
			if name := a.Package.Name; !seen[name] && name != "" && !strings.Contains(name, " ") && len(out) < most {
				seen[name] = true
				out = append(out, fmt.Sprintf(format, name))
			}
		}
	}
	return out
}
