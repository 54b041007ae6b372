package command_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev"
	guarded "fairlead.dev/command"
	"fairlead.dev/step"
	"fairlead.dev/step/steptest"
	"fairlead.dev/step/test/command"
)

func TestMain(m *testing.M) {
	guarded.Guard()
	os.Exit(m.Run())
}

func goTest(retries int) command.Config {
	return command.Config{Run: "go test -json ./...", Report: "go-test", RetryFailed: retries}
}

// withGo lets go test in the case share this machine's build cache and adds
// variables.
func withGo(vars ...string) func(*testing.T, *step.In) {
	return func(t *testing.T, in *step.In) {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		in.Env = append(in.Env, "GOCACHE="+filepath.Join(cache, "go-build"), "GOTOOLCHAIN=local", "GOFLAGS=-trimpath")
		in.Env = append(in.Env, vars...)
	}
}

func TestGoTest(t *testing.T) {
	steptest.Run(t, command.Type(),
		steptest.Case{
			Name: "all pass", Testdata: "go", Config: goTest(1), Prepare: withGo(), Want: step.Done,
			Check: all(result("PASSED"), counts(map[string]int{"passed": 3, "skipped": 1}), named("example.test/shop/price", "TestSum/one", fairlead.CasePassed)),
		},
		steptest.Case{
			Name: "one fails", Testdata: "go", Config: goTest(1), Prepare: withGo("WRONG=1"), Want: step.Failed,
			Check: all(result("FAILED"), counts(map[string]int{"passed": 2, "skipped": 1, "failed": 1}), reason("1 of 4 cases failed"),
				func(t *testing.T, _ step.In, out step.Out) {
					c := find(t, out, "TestWrong")
					if c.Location != (fairlead.Location{Path: "price/price_test.go", Line: 20}) || !strings.Contains(c.Message, "sum is 3, want 4") {
						t.Errorf("case %+v", c)
					}
				}),
		},
		steptest.Case{
			Name: "one is flaky", Testdata: "go", Config: goTest(1), Want: step.Done,
			Prepare: func(t *testing.T, in *step.In) {
				withGo("FLAKY=1")(t, in)
				in.Secrets = []string{"hunter2hunter2"}
			},
			Check: all(result("WARNED"), counts(map[string]int{"passed": 3, "flaky": 1}),
				func(t *testing.T, _ step.In, out step.Out) {
					c := find(t, out, "TestFlaky")
					if c.Result != fairlead.CaseFlaky || !strings.Contains(c.Message, "fails the first time, with token ***") || c.Location.Line == 0 {
						t.Errorf("case %+v", c)
					}
				}),
		},
		steptest.Case{
			Name: "it does not build", Testdata: "broken", Config: goTest(1), Prepare: withGo(), Want: step.Failed,
			Check: all(result("FAILED"), reason("example.test/broken does not build", "a_test.go:5:28: undefined: undefinedFunction")),
		},
		steptest.Case{
			Name: "no tests at all", Config: goTest(1), Prepare: withGo(), Want: step.Done,
			Files: map[string]string{"go.mod": "module empty\n\ngo 1.24\n", "a.go": "package empty\n"},
			Check: all(result("PASSED"), counts(nil)),
		},
	)
}

// Without a retry a case that fails once has failed.
func TestNoRetry(t *testing.T) {
	in := steptest.In(t, command.Type(), nil)
	in.Config = command.Config{Run: "echo 'not ok 1 - a'; echo once >>runs; exit 1", Report: "tap", RetryFailed: 0}
	out, err := command.Type().Run(t.Context(), in)
	if err != nil || out.Outcome != step.Failed {
		t.Fatalf("outcome %v, error %v", out, err)
	}
	if runs, _ := os.ReadFile(filepath.Join(in.Workspace, "runs")); string(runs) != "once\n" {
		t.Errorf("it ran %q", runs)
	}
}

// What the first try said of a case and what the second one says.
func TestFlakyIsNeverPassed(t *testing.T) {
	for _, test := range []struct {
		first, second string
		want          fairlead.CaseResult
		outcome       step.Outcome
	}{
		{"not ok 1 - a", "ok 1 - a", fairlead.CaseFlaky, step.Done},
		{"not ok 1 - a", "not ok 1 - a", fairlead.CaseFailed, step.Failed},
		{"not ok 1 - a", "ok 1 - a # SKIP", fairlead.CaseFailed, step.Failed},
		{"not ok 1 - a", "ok 1 - other", fairlead.CaseFailed, step.Failed},
		{"ok 1 - a", "not ok 1 - a", fairlead.CasePassed, step.Done}, // there is no second try
	} {
		in := steptest.In(t, command.Type(), nil)
		in.Config = command.Config{
			Run:    "if test -e second; then echo '" + test.second + "'; else touch second; echo '" + test.first + "'; fi",
			Report: "tap", RetryFailed: 1,
		}
		out, err := command.Type().Run(t.Context(), in)
		if err != nil || out.Outcome != test.outcome || find(t, out, "a").Result != test.want {
			t.Errorf("%q then %q: outcome %s, cases %+v, error %v", test.first, test.second, out.Outcome, out.Cases, err)
		}
	}
}

const junitReport = `<testsuite name="math"><testcase classname="math.Add" name="one" time="0.5"/>` +
	`<testcase classname="math.Add" name="two"><failure message="want 4">at src/add.js:12:3</failure></testcase></testsuite>`

func TestOtherReports(t *testing.T) {
	steptest.Run(t, command.Type(),
		steptest.Case{
			Name:   "junit in a file",
			Config: command.Config{Run: "mkdir -p out; cp report.xml out/TEST-a.xml; exit 1", Report: "junit", ReportFile: "out/**/*.xml", RetryFailed: 1},
			Files:  map[string]string{"report.xml": junitReport, "src/add.js": "", "out/old.xml": "not a report"},
			Want:   step.Failed,
			Check: all(counts(map[string]int{"passed": 1, "failed": 1}), func(t *testing.T, _ step.In, out step.Out) {
				if c := find(t, out, "two"); c.Location != (fairlead.Location{Path: "src/add.js", Line: 12}) || c.Suite != "math.Add" {
					t.Errorf("case %+v", c)
				}
			}),
		},
		steptest.Case{
			Name:   "junit that is printed among other things",
			Config: command.Config{Run: "echo starting; cat report.xml; echo; echo done", Report: "junit"},
			Files:  map[string]string{"report.xml": junitReport}, Want: step.Failed, Check: counts(map[string]int{"passed": 1, "failed": 1}),
		},
		steptest.Case{
			Name:   "junit file that was not written",
			Config: command.Config{Run: "true", Report: "junit", ReportFile: "out/*.xml", RetryFailed: 1},
			Want:   step.Failed, Check: reason("the command wrote no out/*.xml"),
		},
		steptest.Case{
			Name:   "a report that leads out of the workspace",
			Config: command.Config{Run: "mkdir out; ln -s /etc/passwd out/a.xml", Report: "junit", ReportFile: "out/a.xml"},
			Want:   step.Failed, Check: reason("out/a.xml"),
		},
		steptest.Case{
			Name:   "junit cut short",
			Config: command.Config{Run: "head -c 150 report.xml", Report: "junit"},
			Files:  map[string]string{"report.xml": junitReport}, Want: step.Failed, Check: reason("the report cannot be read"),
		},
		steptest.Case{
			Name:   "tap",
			Config: command.Config{Run: "printf 'TAP version 13\n1..3\nok 1 - a\nnot ok 2 - b\n  ---\n  at: lib/b.js:7:1\n  ...\nok 3 - c # SKIP later\n'; exit 1", Report: "tap", RetryFailed: 1},
			Files:  map[string]string{"lib/b.js": ""},
			Want:   step.Failed,
			Check: all(counts(map[string]int{"passed": 1, "failed": 1, "skipped": 1}), func(t *testing.T, _ step.In, out step.Out) {
				if c := find(t, out, "b"); c.Location != (fairlead.Location{Path: "lib/b.js", Line: 7}) {
					t.Errorf("case %+v", c)
				}
			}),
		},
		steptest.Case{
			Name:   "tap with fewer points than planned",
			Config: command.Config{Run: "echo 1..3; echo ok 1 - a", Report: "tap"},
			Want:   step.Failed, Check: reason("2 of 3 announced tests did not run"),
		},
		steptest.Case{
			Name:   "it fails without a failed case",
			Config: command.Config{Run: "echo ok 1 - a; echo the database is gone; exit 9", Report: "tap", RetryFailed: 1},
			Want:   step.Failed, Check: reason("exit code 9 although no case failed", "the database is gone"),
		},
		steptest.Case{
			Name: "no report, passing", Config: command.Config{Run: "true", Report: "none"}, Want: step.Done, Check: all(counts(nil), result("PASSED")),
		},
		steptest.Case{
			Name: "no report, failing", Config: command.Config{Run: "echo bad luck hunter2hunter2; exit 1", Report: "none", RetryFailed: 1}, Want: step.Failed,
			Prepare: func(_ *testing.T, in *step.In) { in.Secrets = []string{"hunter2hunter2"} },
			Check:   reason("exit code 1", "bad luck ***"),
		},
		steptest.Case{
			Name: "a report file without a form", Config: command.Config{Run: "true", Report: "none", ReportFile: "a.xml"}, Kind: fairlead.KindInvalid,
		},
		steptest.Case{
			Name: "a report file outside", Config: command.Config{Run: "true", Report: "tap", ReportFile: "../a.tap"}, Kind: fairlead.KindInvalid,
		},
		steptest.Case{Name: "it runs until it is cancelled", Config: command.Config{Run: "sleep 60", Report: "tap"}, Stop: true},
	)
}

type check = func(*testing.T, step.In, step.Out)

func all(checks ...check) check {
	return func(t *testing.T, in step.In, out step.Out) {
		for _, c := range checks {
			c(t, in, out)
		}
	}
}

// counts checks how many cases there are of each result.
func counts(want map[string]int) check {
	return func(t *testing.T, _ step.In, out step.Out) {
		got, total := map[string]int{}, 0
		for _, c := range out.Cases {
			got[string(c.Result)]++
		}
		for name, n := range want {
			if total += n; got[name] != n {
				t.Errorf("%d cases %s, want %d", got[name], name, n)
			}
		}
		if len(out.Cases) != total || out.Measurements[0] != (fairlead.Measurement{Name: "test_cases", Value: float64(total), Unit: "1"}) {
			t.Errorf("%d cases, measured %+v, want %d", len(out.Cases), out.Measurements[0], total)
		}
	}
}

// result checks what the claim says.
func result(want string) check {
	return func(t *testing.T, _ step.In, out step.Out) {
		var p struct{ Result string }
		if len(out.Claims) != 1 || json.Unmarshal(out.Claims[0].Predicate, &p) != nil || p.Result != want {
			t.Errorf("claim %+v, want result %s", out.Claims, want)
		}
	}
}

func reason(parts ...string) check {
	return func(t *testing.T, _ step.In, out step.Out) {
		for _, part := range parts {
			if !strings.Contains(out.Reason, part) {
				t.Errorf("reason %q does not say %q", out.Reason, part)
			}
		}
	}
}

func named(suite, name string, want fairlead.CaseResult) check {
	return func(t *testing.T, _ step.In, out step.Out) {
		if c := find(t, out, name); c.Suite != suite || c.Result != want {
			t.Errorf("case %+v", c)
		}
	}
}

func find(t *testing.T, out step.Out, name string) fairlead.TestCase {
	t.Helper()
	for _, c := range out.Cases {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no case %s in %+v", name, out.Cases)
	return fairlead.TestCase{}
}
