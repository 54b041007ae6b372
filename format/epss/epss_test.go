package epss_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"fairlead.dev/format/epss"
)

const list = "#model_version:v2026.03.14,score_date:2026-10-01T00:00:00+0000\ncve,epss,percentile\nCVE-2026-1,0.5,0.99\nCVE-2026-2,0,0.1\n"

func decode(s string) (epss.Header, []epss.Score, error) {
	var all []epss.Score
	h, err := epss.Decode(strings.NewReader(s), func(s epss.Score) error { all = append(all, s); return nil })
	return h, all, err
}

func TestDecode(t *testing.T) {
	h, all, err := decode(list)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(epss.Header{Model: "v2026.03.14", Date: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}, h); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]epss.Score{{CVE: "CVE-2026-1", Probability: 0.5, Percentile: 0.99}, {CVE: "CVE-2026-2", Percentile: 0.1}}, all); d != "" {
		t.Error(d)
	}
}

func TestMalformed(t *testing.T) {
	for name, s := range map[string]string{
		"nothing":        "",
		"other columns":  "a,b,c\nCVE-2026-1,0,0\n",
		"no scores":      "cve,epss,percentile\n",
		"above one":      "cve,epss,percentile\nCVE-2026-1,1.5,0\n",
		"not a number":   "cve,epss,percentile\nCVE-2026-1,NaN,0\n",
		"no name":        "cve,epss,percentile\nGHSA-1,0,0\n",
		"a row too few":  "cve,epss,percentile\nCVE-2026-1,0\n",
		"cut in a note":  "#model_version",
		"not a list":     "\xff\xfe\x00",
		"cut in a quote": "cve,epss,percentile\n\"CVE-2026-1,0,0\n",
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := decode(s); !errors.Is(err, epss.ErrScores) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(list)
	f.Add("#\ncve,epss,percentile\n")
	f.Fuzz(func(t *testing.T, s string) {
		_, all, err := decode(s)
		if err != nil && !errors.Is(err, epss.ErrScores) {
			t.Errorf("an error of another kind: %v", err)
		}
		for _, v := range all {
			if !(v.Probability >= 0 && v.Probability <= 1) || !strings.HasPrefix(v.CVE, "CVE-") {
				t.Errorf("taken: %+v", v)
			}
		}
	})
}
