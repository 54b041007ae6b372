package sarif_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"fairlead.dev/format/sarif"
)

// validator holds documents against the schema that OASIS publishes.
func validator(t testing.TB) func(b []byte) error {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	return func(b []byte) error {
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			return err
		}
		return s.Validate(v)
	}
}

func full() sarif.Log {
	return sarif.Log{Runs: []sarif.Run{{
		Tool: sarif.Tool{Name: "fairlead", Version: "1.2.3", URI: "https://fairlead.dev"},
		Rules: []sarif.Rule{{
			ID: "K8S-001", Name: "privileged", Short: "a container is privileged", Full: "Full.", Help: "drop it",
			HelpURI: "https://fairlead.dev/rules/K8S-001", Level: sarif.LevelError, SecuritySeverity: "9.0", Precision: "high",
			Tags: []string{"security", "external/cwe/cwe-250"}, Properties: map[string]any{"impact": "high"},
		}},
		Failed: "it ran out of time",
		Results: []sarif.Result{{
			RuleID: "K8S-001", Kind: "fail", Level: sarif.LevelError, Message: "<app> is privileged",
			Locations:    []sarif.Location{{URI: "deploy/app.yaml", Line: 3, Column: 5, EndLine: 3, EndColumn: 9, Snippet: "privileged: true", Logical: "Deployment/app"}},
			Related:      []sarif.Location{{URI: "deploy/b.yaml", Message: "and here"}},
			Fingerprints: map[string]string{"fairlead/v1": "abc"}, PartialFingerprints: map[string]string{"line": "1"},
			BaselineState: "new", Suppressions: []sarif.Suppression{{Kind: "external", Status: "accepted", Justification: "until Friday"}},
			WebRequest: sarif.Request{Method: "GET", Target: "http://127.0.0.1/"},
			Properties: map[string]any{"reachability": "called"},
		}},
	}}}
}

func TestRoundTripIsValid(t *testing.T) {
	valid := validator(t)
	for name, l := range map[string]sarif.Log{
		"empty":      {},
		"no results": {Runs: []sarif.Run{{Tool: sarif.Tool{Name: "x"}}}},
		"full":       full(),
	} {
		b, err := sarif.Encode(l)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := valid(b); err != nil {
			t.Errorf("%s: %v\n%s", name, err, b)
		}
		again, err := sarif.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(l, again); diff != "" {
			t.Errorf("%s is another log after a round trip:\n%s", name, diff)
		}
	}
}

func TestTheValidatorRefuses(t *testing.T) {
	valid := validator(t)
	for _, s := range []string{
		`{"version":"2.1.0"}`,
		`{"version":"2.1.0","runs":[{"tool":{"driver":{}}}]}`,
		`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{}]}]}`,
	} {
		if valid([]byte(s)) == nil {
			t.Errorf("%s is valid", s)
		}
	}
}

func TestDecodeResolvesReferences(t *testing.T) {
	run := decodeFile(t, "codeql.sarif").Runs[0]
	if run.Tool != (sarif.Tool{Name: "CodeQL", Version: "2.25.2"}) || len(run.Rules) != 2 || run.Rules[1].SecuritySeverity != "4.0" {
		t.Errorf("tool %+v, rules %+v", run.Tool, run.Rules)
	}
	want := []sarif.Result{{
		RuleID: "go/sql-injection", Kind: "fail", Level: sarif.LevelError, Message: "A request reaches a query, as in {this}.",
		Locations:           []sarif.Location{{URI: "file:///work/shop/src/cmd/main.go", Line: 12, Column: 3, EndColumn: 9}},
		Related:             []sarif.Location{{URI: "a.go", Message: "source"}},
		PartialFingerprints: map[string]string{"primaryLocationLineHash": "39fa2ee980eb94b0:1"},
		Suppressions:        []sarif.Suppression{{Kind: "inSource"}},
	}, {
		RuleID: "go/log", Kind: "fail", Level: sarif.LevelWarning, Message: "Logged.",
		Suppressions: []sarif.Suppression{{Kind: "external", Status: "underReview", Justification: "asked"}},
	}, {
		RuleID: "unheard-of", Kind: "pass", Level: sarif.LevelNone, Message: "literal {0} stays",
	}}
	if diff := cmp.Diff(want, run.Results); diff != "" {
		t.Error(diff)
	}
	for i, suppressed := range []bool{true, false, false} {
		if run.Results[i].Suppressed() != suppressed {
			t.Errorf("result %d: suppressed is %v", i, !suppressed)
		}
	}
}

// An absent ruleIndex is not rule 0, and a log may begin with a byte order mark.
func TestDecodeOfAMarkedLog(t *testing.T) {
	run := decodeFile(t, "windows.sarif").Runs[0]
	if run.Failed != "out of memory" {
		t.Errorf("failed: %q", run.Failed)
	}
	if r := run.Results[0]; r.RuleID != "R1" || r.Level != sarif.LevelNote {
		t.Errorf("result %+v", r)
	}
	if r := run.Results[1]; r.RuleID != "" || r.Level != sarif.LevelWarning || r.Message != "**no rule**" {
		t.Errorf("result %+v", r)
	}
}

// What a rule or a result is of in a taxonomy is known by one name.
func TestDecodeOfTaxa(t *testing.T) {
	l, err := sarif.Decode(strings.NewReader(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","rules":[{"id":"R",
		"relationships":[{"target":{"id":"326","toolComponent":{"name":"CWE"}},"kinds":["superset"]}]}]}},
		"results":[{"ruleId":"R","message":{"text":"m"},"taxa":[{"id":"CWE-79","toolComponent":{"name":"CWE"}},{"id":"T1"}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := append(l.Runs[0].Rules[0].Taxa, l.Runs[0].Results[0].Taxa...)
	if want := []string{"CWE-326", "CWE-79", "T1"}; !cmp.Equal(want, got) {
		t.Errorf("taxa %v", got)
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := strings.Repeat(`{"runs":[`, 20_000)
	for name, s := range map[string]string{
		"nothing":         ``,
		"no JSON":         `oops`,
		"cut off":         `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[`,
		"another version": `{"version":"2.0.0","runs":[]}`,
		"no runs":         `{"version":"2.1.0"}`,
		"no tool":         `{"version":"2.1.0","runs":[{}]}`,
		"no message":      `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{}]}]}`,
		"two logs":        `{"version":"2.1.0","runs":[]} {}`,
		"not UTF-8":       "{\"version\":\"2.1.0\",\"runs\":[],\"x\":\"\xff\"}",
		"deep":            deep,
		"circle": `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},
			"originalUriBaseIds":{"A":{"uri":"a/","uriBaseId":"B"},"B":{"uri":"b/","uriBaseId":"A"}},
			"results":[{"message":{"text":"m"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"f","uriBaseId":"A"}}}]}]}]}`,
		"a message that grows": `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[{"message":{"text":"` +
			strings.Repeat("{0}", 2000) + `","arguments":["` + strings.Repeat("x", 1000) + `"]}}]}]}`,
	} {
		if _, err := sarif.Decode(strings.NewReader(s)); !errors.Is(err, sarif.ErrLog) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for name, run := range map[string]sarif.Run{
		"no tool":    {},
		"no message": {Tool: sarif.Tool{Name: "x"}, Results: []sarif.Result{{RuleID: "a"}}},
		"twice":      {Tool: sarif.Tool{Name: "x"}, Rules: []sarif.Rule{{ID: "a"}, {ID: "a"}}},
	} {
		if _, err := sarif.Encode(sarif.Log{Runs: []sarif.Run{run}}); !errors.Is(err, sarif.ErrLog) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What Encode writes is valid and reads back the same, whatever is in it.
func TestEncodeProperty(t *testing.T) {
	valid := validator(t)
	text := rapid.StringMatching(`[ -~é☃]{1,12}`)
	rapid.Check(t, func(t *rapid.T) {
		run := sarif.Run{Tool: sarif.Tool{Name: text.Draw(t, "tool")}}
		for i := range rapid.IntRange(0, 4).Draw(t, "results") {
			line := rapid.IntRange(0, 3).Draw(t, "line")
			r := sarif.Result{
				RuleID: text.Draw(t, "rule"), Kind: "fail", Level: rapid.SampledFrom([]sarif.Level{"error", "warning", "note", "none"}).Draw(t, "level"),
				Message: text.Draw(t, "message"), Locations: []sarif.Location{{URI: "a/b.go", Line: line, Column: min(line, 1)}},
			}
			if i%2 == 0 {
				run.Rules = append(run.Rules, sarif.Rule{ID: r.RuleID + string(rune('a'+i)), Level: sarif.LevelError})
			}
			run.Results = append(run.Results, r)
		}
		want := sarif.Log{Runs: []sarif.Run{run}}
		b, err := sarif.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := valid(b); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		got, err := sarif.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzDecode(f *testing.F) {
	files, err := filepath.Glob("testdata/*.sarif")
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
		l, err := sarif.Decode(bytes.NewReader(b))
		if err != nil {
			if !errors.Is(err, sarif.ErrLog) {
				t.Errorf("error %v", err)
			}
			return
		}
		for _, run := range l.Runs {
			for _, r := range run.Results {
				if r.Message == "" || r.Level == "" || r.Kind == "" {
					t.Errorf("result %+v", r)
				}
			}
		}
	})
}

func decodeFile(t *testing.T, name string) sarif.Log {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := sarif.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
