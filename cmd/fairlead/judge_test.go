package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/cli"
)

// recordings holds one recording of each family that the judge is measured by.
var recordings = filepath.Join("..", "..", "judge", "testdata", "replay")

// asked are the flags of recordings that need more than the defaults.
var asked = map[string][]string{
	"null-warm-up":        {"--warm-up", "3m"},
	"null-split-5-95":     {"--share", "0.05"},
	"effect-traffic-drop": {"--share", "0.5"},
}

// replayed runs the command and gives its exit code and output.
func replayed(in string, args ...string) (int, string, string) {
	var out, complaints bytes.Buffer
	io := cli.Stdio{In: strings.NewReader(in), Out: &out, Err: &complaints}
	code := cli.Run(context.Background(), append([]string{"judge", "replay"}, args...), io, wire(io, variables{}))
	return code, out.String(), complaints.String()
}

// TestReplayOfEveryFamily holds the answer on every recording:
// go test ./cmd/fairlead -run ReplayOfEvery -update writes them anew.
func TestReplayOfEveryFamily(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(recordings, "*.jsonl"))
	if err != nil || len(files) < 41 {
		t.Fatalf("%d recordings (%v)", len(files), err)
	}
	var got strings.Builder
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		code, out, complaints := replayed("", append(asked[name], "--json", file)...)
		var answer cli.Replayed
		if err := json.Unmarshal([]byte(out), &answer); err != nil {
			t.Fatalf("%s: %v: %s%s", name, err, out, complaints)
		}
		if want := map[string]int{"not_worse": 0, "worse": 1, "undecided": 3}[string(answer.Answer)]; code != want {
			t.Errorf("%s: %s exits with %d, want %d", name, answer.Answer, code, want)
		}
		at := "never"
		if answer.DecidedAt != nil {
			at = fmt.Sprintf("at %g", *answer.DecidedAt)
		}
		fmt.Fprintf(&got, "%s: %s %s\n\t%s\n", name, answer.Answer, at, answer.Reason)
	}
	golden := filepath.Join(recordings, "answers.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || got.String() != string(want) {
		t.Errorf("the answers are not those of %s (%v): run with -update and look at the difference\n%s", golden, err, got.String())
	}
}

func TestReplayRefuses(t *testing.T) {
	const good = `{"t": 60, "arm": "baseline", "requests": 300, "errors": 1}` + "\n"
	for in, want := range map[string]string{
		"":          "standard input:1: no interval in it",
		"\n\n":      "no interval in it",
		"no":        "standard input:1: not an interval",
		good + "{":  "standard input:2: not an interval",
		good + good: "standard input:2: arm: a second baseline at t 60",
		good + `{"t": 6, "arm": "canary", "requests": 3, "errors": 0}`:                                                    "t: must not go back",
		`{"arm": "canary", "requests": 3, "errors": 0}`:                                                                   "t: missing",
		`{"t": -1, "arm": "canary", "requests": 3, "errors": 0}`:                                                          "t: want seconds",
		`{"t": 1, "arm": "green", "requests": 3, "errors": 0}`:                                                            `arm: want "baseline" or "canary" (got "green")`,
		`{"t": 1, "arm": "canary", "requests": 3}`:                                                                        "errors: missing",
		`{"t": 1, "arm": "canary", "requests": 3, "errors": null}`:                                                        "errors: missing",
		`{"t": 1, "arm": "canary"}`:                                                                                       "requests: missing",
		`{"t": 1, "arm": "canary", "requests": -3, "errors": 0}`:                                                          "not an interval",
		`{"t": 1, "arm": "canary", "requests": 3, "errors": 4}`:                                                           "errors: more than requests",
		`{"t": 1, "arm": "canary", "requests": 3, "errors": 0, "error": 4}`:                                               `unknown field "error"`,
		`{"t": 1, "arm": "canary", "requests": 3, "errors": 0} {}`:                                                        "more than one object",
		`{"t": 1, "arm": "canary", "requests": 3, "errors": 0, "latency": {"le": [1], "count": []}}`:                      "as long as each other",
		`{"t": 1, "arm": "canary", "requests": 3, "errors": 0, "latency": {"le": [1, 1], "count": [1, 2]}}`:               "latency.le: must grow",
		`{"t": 1, "arm": "canary", "requests": 3, "errors": 0, "latency": {"le": [1, 2], "count": [2, 1]}}`:               "must be cumulative",
		`{"t": 1, "arm": "canary", "requests": 3, "errors": 0, "latency": {"le": [1, 2], "count": [2, 9]}}`:               "more than requests",
		`{"t": 1, "arm": "canary", "requests": 3, "errors": 0, "latency": {"le": [` + strings.Repeat("1,", 1<<20) + `]}}`: "longer than",
	} {
		code, _, complaints := replayed(in, "-")
		if code != 2 || !strings.Contains(complaints, want) || strings.Count(complaints, "\n") != 2 {
			t.Errorf("%.80q: exits with %d: %s\nwant %q", in, code, complaints, want)
		}
	}
	for _, flags := range [][]string{{"--alpha", "0"}, {"--alpha", "NaN"}, {"--margin", "-1"}, {"--horizon", "-1m"}, {"--share", "1"}, {"--warm-up", "-1s"}} {
		if code, _, complaints := replayed(good, append(flags, "-")...); code != 2 || !strings.Contains(complaints, flags[0]) {
			t.Errorf("%v: exits with %d: %s", flags, code, complaints)
		}
	}
	if code, _, complaints := replayed("", "no-such-file"); code != 2 || !strings.Contains(complaints, "no-such-file") {
		t.Errorf("exits with %d: %s", code, complaints)
	}
}

// TestReplayFlags shows that every flag has an effect.
func TestReplayFlags(t *testing.T) {
	bad, clean := filepath.Join(recordings, "effect-step-x4.jsonl"), filepath.Join(recordings, "null-clean.jsonl")
	at := func(args ...string) string {
		_, out, complaints := replayed("", append(args, "--json")...)
		var r cli.Replayed
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err, complaints)
		}
		if r.DecidedAt == nil {
			return string(r.Answer)
		}
		return fmt.Sprint(r.Answer, *r.DecidedAt)
	}
	for _, tt := range [][]string{
		{bad, "--alpha", "0.0000001"},
		{clean, "--margin", "5"},
		{bad, "--horizon", "2m"},
		{bad, "--warm-up", "10m"},
		{filepath.Join(recordings, "effect-traffic-drop.jsonl"), "--share", "0.5"},
	} {
		if with, without := at(tt...), at(tt[0]); with == without {
			t.Errorf("%v changes nothing: %s", tt, with)
		}
	}
}
