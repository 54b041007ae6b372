package kev_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/format/kev"
)

const (
	asJSON = `{"catalogVersion":"2026.10.01","dateReleased":"2026-10-01T10:00:00Z","vulnerabilities":[
{"cveID":"CVE-2026-1","dateAdded":"2026-09-01","dueDate":"2026-09-22","knownRansomwareCampaignUse":"Known","requiredAction":"Update."}]}`
	asCSV = "dateAdded,cveID,dueDate,knownRansomwareCampaignUse,requiredAction\n2026-09-01,CVE-2026-1,2026-09-22,Known,Update.\n"
)

func TestDecode(t *testing.T) {
	entries := []kev.Entry{{
		CVE: "CVE-2026-1", Added: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC), Due: time.Date(2026, 9, 22, 0, 0, 0, 0, time.UTC),
		Ransomware: true, Action: "Update.",
	}}
	for name, c := range map[string]struct {
		content string
		want    kev.Catalogue
	}{
		"JSON":             {asJSON, kev.Catalogue{Version: "2026.10.01", Released: time.Date(2026, 10, 1, 10, 0, 0, 0, time.UTC), Entries: entries}},
		"CSV":              {asCSV, kev.Catalogue{Entries: entries}},
		"CSV with a mark":  {"\ufeff" + asCSV, kev.Catalogue{Entries: entries}},
		"JSON with a mark": {"\ufeff" + asJSON, kev.Catalogue{Version: "2026.10.01", Released: time.Date(2026, 10, 1, 10, 0, 0, 0, time.UTC), Entries: entries}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := kev.Decode([]byte(c.content))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestMalformed(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":     "",
		"cut":         asJSON[:len(asJSON)/2],
		"empty":       `{"vulnerabilities":[]}`,
		"no name":     `{"vulnerabilities":[{"dateAdded":"2026-09-01"}]}`,
		"no date":     `{"vulnerabilities":[{"cveID":"CVE-2026-1"}]}`,
		"not UTF-8":   "{\"vulnerabilities\":\"\xff\"}",
		"another CSV": "a,b\n1,2\n",
		"CSV, a cut":  "cveID,dateAdded\nCVE-2026-1\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := kev.Decode([]byte(s)); !errors.Is(err, kev.ErrCatalogue) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(asJSON))
	f.Add([]byte(asCSV))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := kev.Decode(b)
		if err != nil && !errors.Is(err, kev.ErrCatalogue) {
			t.Errorf("an error of another kind: %v", err)
		}
		for _, e := range c.Entries {
			if e.CVE == "" || e.Added.IsZero() {
				t.Errorf("taken: %+v", e)
			}
		}
	})
}
