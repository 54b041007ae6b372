package report_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fairlead.dev"
	"fairlead.dev/report"
)

// fuzz reads anything as a report of a format: it ends in findings that are
// complete, or in one problem. An empty format is told by the content.
func fuzz(f *testing.F, format report.Format, seeds string) {
	files, err := filepath.Glob("testdata/" + seeds)
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := report.Read(b, report.Options{Format: format, Roots: []string{"/work"}})
		if err != nil {
			if fairlead.KindOf(err) != fairlead.KindInvalid {
				t.Errorf("error %v", err)
			}
			return
		}
		prints := map[string]bool{}
		for _, x := range r.Findings {
			if x.Fingerprint == "" || prints[x.Fingerprint] || x.Rule == "" || x.Message == "" || x.Category == "" || x.SeveritySource == "" || x.ToolVersion == "" ||
				!slices.Contains([]fairlead.Severity{fairlead.SeverityCritical, fairlead.SeverityHigh, fairlead.SeverityMedium, fairlead.SeverityLow, fairlead.SeverityUnknown}, x.Severity) {
				t.Errorf("finding %+v", x)
			}
			prints[x.Fingerprint] = true
			for _, l := range append([]fairlead.Location{x.Location}, x.Further...) {
				if l.Path != "" && !fs.ValidPath(l.Path) {
					t.Errorf("path %q", l.Path)
				}
			}
		}
	})
}

func FuzzAny(f *testing.F) { fuzz(f, "", "*.*") }

func FuzzSARIF(f *testing.F) { fuzz(f, report.SARIF, "*.sarif") }

func FuzzCycloneDX(f *testing.F) { fuzz(f, report.CycloneDX, "cyclonedx.*") }

func FuzzOSVScanner(f *testing.F) { fuzz(f, report.OSVScanner, "osv*") }

func FuzzTrivy(f *testing.F) { fuzz(f, report.Trivy, "trivy*.json") }

func FuzzGrype(f *testing.F) { fuzz(f, report.Grype, "grype*") }

func FuzzCheckov(f *testing.F) { fuzz(f, report.Checkov, "checkov*") }

func FuzzKICS(f *testing.F) { fuzz(f, report.KICS, "kics*") }

func FuzzZAP(f *testing.F) { fuzz(f, report.ZAP, "zap*") }

func FuzzNuclei(f *testing.F) { fuzz(f, report.Nuclei, "nuclei*") }

func FuzzSnyk(f *testing.F) { fuzz(f, report.Snyk, "snyk*") }
