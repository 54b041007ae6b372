package pipeline

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

func minutes(n int) fairlead.Duration { return fairlead.Duration(time.Duration(n) * time.Minute) }

func TestReleaseDefaults(t *testing.T) {
	for _, c := range []struct {
		branch    string
		steps     []fairlead.Stage
		bake      fairlead.Duration
		keepOld   fairlead.Duration
		undecided string
		deadline  fairlead.Duration
	}{
		{"main", []fairlead.Stage{{Weight: 100, For: minutes(2)}}, minutes(10), 0, "hold", minutes(2 + 10 + 2 + 2*2 + 10)},
		{
			"develop",
			[]fairlead.Stage{{Weight: 5, For: minutes(2)}, {Weight: 25, For: minutes(2)}, {Weight: 50, For: minutes(5)}},
			0, 0, "hold", minutes(2 + 9 + 4*2 + 10),
		},
		{"feature/x", []fairlead.Stage{{Weight: 100}}, 0, 0, "promote", minutes(2 + 10)},
	} {
		t.Run(c.branch, func(t *testing.T) {
			r := mustPlan(t, shop, push(c.branch)).Release
			have, _ := json.Marshal(r.Steps)
			want, _ := json.Marshal(c.steps)
			if string(have) != string(want) {
				t.Errorf("steps are %s, want %s", have, want)
			}
			if r.Bake != c.bake || r.KeepOld != c.keepOld || r.Judge.Undecided != c.undecided || r.Deadline != c.deadline {
				t.Errorf("bake %s, keep-old %s, undecided %s, deadline %s", r.Bake, r.KeepOld, r.Judge.Undecided, r.Deadline)
			}
			judge := fairlead.JudgePolicy{
				MinRequests: 50, ErrorMargin: 0.01, LatencyRatio: 1.5, Quantile: 0.99, ErrorFloor: 0.2,
				Undecided: c.undecided, Hold: minutes(2),
			}
			if !reflect.DeepEqual(r.Judge, judge) || r.Ready != minutes(2) {
				t.Errorf("judge %+v, ready %s", r.Judge, r.Ready)
			}
		})
	}
}

func TestReleaseIsConfigured(t *testing.T) {
	judge := "undecided: rollback, hold: 3s, deadline: 1h, ready: 4s, bake: 5s, " +
		"judge: {min-requests: 7, error-margin: 2%, latency-ratio: 3, quantile: 50%, error-floor: 90%}"
	want := fairlead.JudgePolicy{
		MinRequests: 7, ErrorMargin: 0.02, LatencyRatio: 3, Quantile: 0.5, ErrorFloor: 0.9,
		Undecided: "rollback", Hold: fairlead.Duration(3 * time.Second),
	}
	config := shop + "deploy:\n" +
		"  canary: {steps: [{weight: 1, for: 1s}, {weight: 99, for: 2s}], " + judge + "}\n" +
		"  blue-green: {for: 6s, keep-old: 7s, " + judge + "}\n" +
		"  rolling: {for: 8s, " + judge + "}\n"
	for branch, steps := range map[string]string{
		"develop":   `[{"weight":1,"for":"1s"},{"weight":99,"for":"2s"}]`,
		"main":      `[{"weight":100,"for":"6s"}]`,
		"feature/x": `[{"weight":100,"for":"8s"}]`,
	} {
		p := mustPlan(t, config, push(branch))
		r := p.Release
		have, _ := json.Marshal(r.Steps)
		if string(have) != steps || !reflect.DeepEqual(r.Judge, want) {
			t.Errorf("%s: steps %s, judge %+v", branch, have, r.Judge)
		}
		if r.Deadline.String() != "1h0m0s" || r.Ready.String() != "4s" || r.Bake.String() != "5s" {
			t.Errorf("%s: deadline %s, ready %s, bake %s", branch, r.Deadline, r.Ready, r.Bake)
		}
		if branch == "main" && r.KeepOld.String() != "7s" {
			t.Errorf("keep-old %s", r.KeepOld)
		}
		if why := reason(p, "deploy bake"); why.Source != "config" || !strings.HasPrefix(why.Detail, "fairlead.yaml:") {
			t.Errorf("%s: bake is explained by %+v", branch, why)
		}
	}
}

func TestEveryDeployChoiceHasAReason(t *testing.T) {
	for branch, extra := range map[string]string{"main": "keep-old", "develop": "steps", "feature/x": "for"} {
		p := mustPlan(t, shop, push(branch))
		for _, name := range []string{
			"ready", "bake", "undecided", "hold", "deadline", "judge.min-requests", "judge.error-margin",
			"judge.latency-ratio", "judge.quantile", "judge.error-floor", extra,
		} {
			if r := reason(p, "deploy "+name); r.Choice == "" || r.Source != "default" || r.Detail == "" {
				t.Errorf("%s: %s is explained by %+v", branch, name, r)
			}
		}
	}
}
