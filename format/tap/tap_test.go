package tap_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"fairlead.dev/format/tap"
)

// brief gives each point as "parents > name result message".
func brief(r tap.Report) []string {
	var list []string
	for _, p := range r.Points {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s", strings.Join(append(slices.Clone(p.Parents), p.Name), " > "), p.Result, p.Message)))
	}
	return list
}

func TestDecode(t *testing.T) {
	for _, test := range []struct {
		name, in string
		want     []string
		missing  int
		bail     string
	}{
		{"simple", "1..2\nok 1 - one\nnot ok 2 - two\n", []string{"one passed", "two failed"}, 0, ""},
		{"without numbers, dashes or names", "ok\nnot ok\nok 3\nok four\n", []string{"test 1 passed", "test 2 failed", "test 3 passed", "four passed"}, 0, ""},
		{
			"directives", "ok 1 - a # SKIP no network\nnot ok 2 - b # TODO later\nok 3 - c # Skipped: why\nok 4 - d \\# skip of a name\n",
			[]string{"a skipped no network", "b skipped later", "c skipped why", "d # skip of a name passed"},
			0, "",
		},
		{"diagnostics", "not ok 1 - a\n# Failed at t/a.t line 3\nok 2 - b\n# fine\n", []string{"a failed Failed at t/a.t line 3", "b passed"}, 0, ""},
		{"yaml", "not ok 1 - a\n  ---\n  message: no\n  at: a.js:3\n  ...\nok 2 - b\n", []string{"a failed message: no\nat: a.js:3", "b passed"}, 0, ""},
		{"points inside yaml are text", "not ok 1 - a\n  ---\n  ok 2 - not a point\n  ...\n", []string{"a failed ok 2 - not a point"}, 0, ""},
		{
			"subtests", "# Subtest: cart\n    ok 1 - adds\n    not ok 2 - removes\n    1..2\nnot ok 1 - cart\nok 2 - alone\n1..2\n",
			[]string{"cart > adds passed", "cart > removes failed", "alone passed"},
			0, "",
		},
		{"subtests of subtests", "        ok 1 - c\n    ok 1 - b\nok 1 - a\n", []string{"a > b > c passed"}, 0, ""},
		{"a parent that fails itself", "    ok 1 - child\nnot ok 1 - parent\n", []string{"parent > child passed", "parent failed"}, 0, ""},
		{"a parent that never came", "    not ok 1 - child\n", []string{"child failed"}, 0, ""},
		{"fewer than planned", "1..5\nok 1\nok 2\n", []string{"test 1 passed", "test 2 passed"}, 3, ""},
		{"bail out", "1..5\nok 1\nBail out! the database is gone\n", []string{"test 1 passed"}, 4, "the database is gone"},
		{"noise", "starting\nokay then\nnot okay\nok1\n> ok 1\n", nil, 0, ""},
		{"windows ends of lines", "1..1\r\nok 1 - a\r\n", []string{"a passed"}, 0, ""},
		{"nothing", "", nil, 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := tap.Decode(strings.NewReader(test.in))
			if err != nil || !slices.Equal(brief(r), test.want) || r.Missing() != test.missing || r.Bail != test.bail || r.Bailed != (test.bail != "") {
				t.Errorf("points %q, missing %d, bail %q, error %v", brief(r), r.Missing(), r.Bail, err)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	r, err := tap.Decode(strings.NewReader("ok 1 - a # time=120ms\nok 2 - b\n  ---\n  duration_ms: 1500.5\n  ...\nok 3 - c # time=2s\n"))
	if err != nil || len(r.Points) != 3 {
		t.Fatalf("points %v, error %v", r.Points, err)
	}
	for i, want := range []float64{0.12, 1.5005, 2} {
		if p := r.Points[i]; p.Seconds != want || len(p.Name) != 1 {
			t.Errorf("point %+v, want %g seconds", p, want)
		}
	}
}

// A recording of a real runner: node --test --test-reporter=tap.
func TestNode(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "node.tap"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := tap.Decode(f)
	var short []string
	for _, p := range r.Points {
		short = append(short, strings.Join(append(slices.Clone(p.Parents), p.Name), " > ")+" "+string(p.Result))
		if p.Result == tap.Failed && (!strings.Contains(p.Message, "cart.test.js:10") || p.Seconds == 0) {
			t.Errorf("point %+v", p)
		}
	}
	want := []string{"cart > adds passed", "cart > removes failed", "alone passed", "later skipped"}
	if err != nil || !slices.Equal(short, want) || r.Missing() != 0 {
		t.Errorf("points %q, error %v", short, err)
	}
}

func TestBounds(t *testing.T) {
	if _, err := tap.Decode(strings.NewReader(strings.Repeat(" ", 4*tap.MaxDepth) + "ok 1")); err == nil {
		t.Error("nesting has no bound")
	}
	r, err := tap.Decode(strings.NewReader("not ok 1 - a\n" + strings.Repeat("# a line that says something\n", 2000) + "ok 2 - " + strings.Repeat("x", tap.MaxLine) + "\nok 3 - c\n"))
	if err != nil || len(r.Points) != 2 || len(r.Points[0].Message) > tap.MaxMessage {
		t.Errorf("%d points, error %v", len(r.Points), err)
	}
	broken := errors.New("broken pipe")
	if _, err := tap.Decode(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("1..2\nok 1 - a # SKIP x\n    not ok 1 - b\n      ---\n      at: a:1\n      ...\nnot ok 2 # TODO\nBail out! x\n")
	f.Add("ok 1 - a # time=1ms\n# Subtest: x\n\tok\n")
	f.Add("ok\\# skip#skip\n")
	f.Fuzz(func(t *testing.T, in string) {
		r, err := tap.Decode(strings.NewReader(in))
		for _, p := range r.Points {
			if p.Name == "" || p.Seconds < 0 || len(p.Message) > tap.MaxLine || len(p.Parents) > tap.MaxDepth {
				t.Errorf("point %+v (error %v)", p, err)
			}
		}
		if r.Missing() < 0 || r.Seen < 0 || len(r.Points) > strings.Count(in, "\n")+1 {
			t.Errorf("report %+v", r)
		}
	})
}
