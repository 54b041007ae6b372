package junit_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"fairlead.dev/format/junit"
)

// brief gives each case as "suite/name result seconds file:line".
func brief(cases []junit.Case) []string {
	var list []string
	for _, c := range cases {
		list = append(list, fmt.Sprintf("%s/%s %s %g %s:%d", c.Suite, c.Name, c.Result, c.Seconds, c.File, c.Line))
	}
	return list
}

func TestReports(t *testing.T) {
	for file, want := range map[string][]string{
		"pytest.xml": {
			"tests.test_cart/test_total passed 0.001 :0", "tests.test_cart/test_tax[de] failed 0.002 :0",
			"tests.test_cart/test_later skipped 0 :0", "tests.test_db/test_connect failed 0.01 :0",
		},
		"surefire.xml": {"shop.CartTest/total passed 1234.5 :0", "shop.CartTest/flaky flaky 0.2 :0", "shop.CartTest/again failed 0.1 :0"},
		"jest.xml":     {"cart/adds passed 0.002 src/cart.test.js:3", "cart/removes failed 0.004 src/cart.test.js:0"},
	} {
		t.Run(file, func(t *testing.T) {
			f, err := os.Open(filepath.Join("testdata", file))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			cases, err := junit.Decode(f)
			if err != nil || !slices.Equal(brief(cases), want) {
				t.Errorf("error %v, cases\n%s\nwant\n%s", err, strings.Join(brief(cases), "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

func TestMessages(t *testing.T) {
	for _, test := range []struct{ inside, want string }{
		{`<failure message="want 4"/>`, "want 4"},
		{`<failure message="want 4">want 4 at a.js:3</failure>`, "want 4 at a.js:3"},
		{`<failure message="want 4">at a.js:3</failure>`, "want 4\nat a.js:3"},
		{`<error><![CDATA[a < b]]></error>`, "a < b"},
		{`<failure>a<b>c</b>d</failure>`, "a\nd"},
		{`<system-out>printed</system-out>`, ""},
		{`<failure>it failed</failure><system-err>noise</system-err>`, "it failed"},
		{`<failure>` + strings.Repeat("x", junit.MaxMessage+10) + `</failure>`, strings.Repeat("x", junit.MaxMessage)},
	} {
		cases, err := junit.Decode(strings.NewReader(`<testsuite><testcase name="a">` + test.inside + `</testcase></testsuite>`))
		if err != nil || len(cases) != 1 || cases[0].Message != test.want {
			t.Errorf("%.60s: cases %.300v, error %v", test.inside, cases, err)
		}
	}
}

func TestOddReports(t *testing.T) {
	const one = `<testsuite name="s"><testcase name="a"/></testsuite>`
	deep := strings.Repeat("<testsuite>", junit.MaxDepth+1)
	for _, test := range []struct {
		name, in string
		cases    int
		problem  string // part of the error
	}{
		{"empty suites", `<testsuites/>`, 0, ""},
		{"text around it", "starting\n" + one + "\ndone <ok>", 1, ""},
		{"nested suites", `<testsuites><testsuite name="o">` + one + `</testsuite></testsuites>`, 1, ""},
		{"nothing", "", 0, "empty"},
		{"no element", "all is well\n", 0, "no testsuites"},
		{"another document", `<html><body/></html>`, 0, `"html"`},
		{"cut short", one[:30], 0, "line 1"},
		{"too deep", deep, 0, "nested"},
		{"entities are not defined", `<!DOCTYPE x [<!ENTITY a "aaaa">]><testsuite name="&a;"/>`, 0, "document type"},
		{"entities are not expanded", `<testsuite name="s"><testcase name="&lol;"/></testsuite>`, 0, "invalid character entity"},
		{"strange encoding", `<?xml version="1.0" encoding="utf-7"?>` + one, 0, "utf-7"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cases, err := junit.Decode(strings.NewReader(test.in))
			if test.problem == "" && (err != nil || len(cases) != test.cases) {
				t.Errorf("%d cases, error %v", len(cases), err)
			}
			if test.problem != "" && (err == nil || !strings.Contains(err.Error(), test.problem)) {
				t.Errorf("error %v, want %q", err, test.problem)
			}
		})
	}
}

// endless gives the same bytes for ever.
type endless string

func (e endless) Read(p []byte) (int, error) { return copy(p, e[:min(len(e), len(p))]), nil }

func TestAnEndlessReportEnds(t *testing.T) {
	if _, err := junit.Decode(io.MultiReader(strings.NewReader("<testsuite>"), endless("<testcase/>"))); err == nil {
		t.Error("no error")
	}
}

func TestReadErrorIsTold(t *testing.T) {
	broken := errors.New("broken disk")
	if _, err := junit.Decode(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"pytest.xml", "surefire.xml", "jest.xml"} {
		seed, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	results := []junit.Result{junit.Passed, junit.Failed, junit.Skipped, junit.Flaky}
	f.Fuzz(func(t *testing.T, in []byte) {
		cases, err := junit.Decode(strings.NewReader(string(in)))
		for _, c := range cases {
			if !slices.Contains(results, c.Result) || c.Seconds < 0 || c.Line < 0 || len(c.Message) > junit.MaxMessage {
				t.Errorf("case %+v (error %v)", c, err)
			}
		}
	})
}
