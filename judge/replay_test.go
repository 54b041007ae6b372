package judge_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

const twoArms = `{"t": 1000, "arm": "baseline", "requests": 3000, "errors": 9}
{"t": 1000, "arm": "canary", "requests": 3000, "errors": 150}
{"t": 1060, "arm": "canary", "requests": 3000, "errors": 150}
{"t": 1060, "arm": "baseline", "requests": 3000, "errors": 9}
{"t": 1120, "arm": "baseline", "requests": 3000, "errors": 9}
{"t": 1120, "arm": "canary", "requests": 3000, "errors": 150}
`

func TestReplaySaysWhenInTheRecordingsOwnTime(t *testing.T) {
	r, at, err := judge.Replay(strings.NewReader(twoArms), judge.Recording{Name: "x", Policy: judge.Defaults()})
	if err != nil || r.Answer != fairlead.AnswerWorse || at < 1000 || at > 1120 {
		t.Errorf("%s at %v: %s (%v)", r.Answer, at, r.Reason, err)
	}
}

func TestReplayOfOneIntervalIsUndecided(t *testing.T) {
	one := strings.Join(strings.SplitAfter(twoArms, "\n")[:2], "")
	r, at, err := judge.Replay(strings.NewReader(one), judge.Recording{Name: "x", Policy: judge.Defaults()})
	if err != nil || r.Answer != fairlead.AnswerUndecided || !math.IsNaN(at) {
		t.Errorf("%s at %v: %s (%v)", r.Answer, at, r.Reason, err)
	}
}

// TestReplayGap holds that intervals that are not in the recording are missing.
func TestReplayGap(t *testing.T) {
	var in strings.Builder
	for _, at := range []string{"0", "60", "1e6"} {
		for _, arm := range []string{"baseline", "canary"} {
			in.WriteString(`{"t": ` + at + `, "arm": "` + arm + `", "requests": 99999, "errors": 0}` + "\n")
		}
	}
	began := time.Now()
	r, _, err := judge.Replay(strings.NewReader(in.String()), judge.Recording{Name: "x", Policy: judge.Defaults()})
	if err != nil || r.Answer != fairlead.AnswerUndecided || !strings.Contains(r.Reason, "lack data") {
		t.Errorf("%s: %s (%v)", r.Answer, r.Reason, err)
	}
	t.Log(time.Since(began))
}

// TestReplayOfLatencyThatComesLater holds that a metric is judged that the first
// interval does not have: what is missing there is no proof of anything.
func TestReplayOfLatencyThatComesLater(t *testing.T) {
	var in strings.Builder
	for i := range 30 {
		for arm, slow := range map[string]int{"baseline": 10, "canary": 400} {
			fmt.Fprintf(&in, `{"t": %d, "arm": %q, "requests": 1000, "errors": 5`, 60*(i+1), arm)
			if i > 0 {
				fmt.Fprintf(&in, `, "latency": {"le": [0.1, 1], "count": [%d, 1000]}`, 1000-slow)
			}
			in.WriteString("}\n")
		}
	}
	r, _, err := judge.Replay(strings.NewReader(in.String()), judge.Recording{Name: "x", Policy: fairlead.JudgePolicy{}})
	if err != nil || r.Answer != fairlead.AnswerWorse || !strings.Contains(r.Reason, "latency") {
		t.Errorf("%s: %s (%v), want worse by latency", r.Answer, r.Reason, err)
	}
}

func FuzzReplay(f *testing.F) {
	f.Add([]byte(twoArms))
	for _, name := range []string{"null-missing-scrapes", "effect-tail"} {
		b, err := os.ReadFile(filepath.Join("testdata", "replay", name+".jsonl"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:bytes.LastIndexByte(b[:4000], '\n')])
	}
	f.Add([]byte(`{"t":1e10,"arm":"canary","requests":1125899906842624,"errors":1125899906842624,"latency":{"le":[1],"count":[0]}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		rec := judge.Recording{Name: "fuzz", Policy: judge.Defaults(), Share: 0.5}
		r, at, err := judge.Replay(bytes.NewReader(in), rec)
		if err != nil {
			if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), "fuzz:") {
				t.Fatalf("not a clear problem: %v", err)
			}
			return
		}
		if (r.Answer == fairlead.AnswerUndecided) != math.IsNaN(at) || r.Reason == "" {
			t.Fatalf("%s at %v: %q", r.Answer, at, r.Reason)
		}
		for _, m := range r.Metrics {
			if math.IsNaN(m.EValue) || math.IsInf(m.EValue, 0) || math.IsNaN(m.Effect) || !(m.Interval[0] <= m.Interval[1]) {
				t.Fatalf("%+v", m)
			}
		}
	})
}
