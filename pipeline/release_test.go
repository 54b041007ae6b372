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
			horizon := r.Bake
			for _, stage := range r.Steps {
				horizon += stage.For
			}
			judge := fairlead.JudgePolicy{
				FalseAlarm: 0.01, Margin: 1, Tolerance: 0.07, Negligible: 0.001, Horizon: horizon,
				WarmUp: min(horizon/20, fairlead.Duration(30*time.Second)), ErrorFloor: 0.2,
				Metrics: []fairlead.MetricPolicy{
					{Name: "errors", Kind: fairlead.MetricErrors, Weight: 1, Critical: true},
					{Name: "latency", Kind: fairlead.MetricLatency, Weight: 1},
				},
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
		"judge: {false-alarm: 2%, margin: 50%, tolerance: 5%, negligible: 3%, horizon: 7s, warm-up: 1s, error-floor: 90%, " +
		`metrics: [{name: latency, at: [0.3], margin: 80%, weight: 3, critical: true}, {name: lost, bad: 'lost{r="{{release}}"}', total: 'all{a="{{arm}}"}', split: false}, ` +
		`{name: checkout, source: prometheus, buckets: 'b{r="{{release}}"}', at: [1, 2]}]}`
	want := fairlead.JudgePolicy{
		FalseAlarm: 0.02, Margin: 0.5, Tolerance: 0.05, Negligible: 0.03, Horizon: fairlead.Duration(7 * time.Second),
		WarmUp: fairlead.Duration(time.Second), ErrorFloor: 0.9,
		Metrics: []fairlead.MetricPolicy{
			{Name: "latency", Kind: fairlead.MetricLatency, Margin: 0.8, Weight: 3, Critical: true, Thresholds: []float64{0.3}},
			{Name: "lost", Kind: fairlead.MetricCounts, Weight: 1, Bad: `lost{r="{{release}}"}`, Total: `all{a="{{arm}}"}`},
			{Name: "checkout", Kind: fairlead.MetricHistogram, Weight: 1, Split: true, Buckets: `b{r="{{release}}"}`, Thresholds: []float64{1, 2}},
		},
		Undecided: "rollback", Hold: fairlead.Duration(3 * time.Second),
	}
	server := fairlead.MetricsServer{
		Type: "prometheus", URL: "http://prom", CA: "/ca.pem", Authorization: "PROM",
		Timeout: fairlead.Duration(2 * time.Second), Stale: fairlead.Duration(9 * time.Second),
	}
	config := shop + "sources: {prometheus: {url: 'http://prom', ca: /ca.pem, authorization: PROM, timeout: 2s, stale: 9s}}\ndeploy:\n" +
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
		if string(have) != steps || !reflect.DeepEqual(r.Judge, want) || !reflect.DeepEqual(r.Metrics, &server) {
			t.Errorf("%s: steps %s, judge %+v, metrics %+v", branch, have, r.Judge, r.Metrics)
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
			"ready", "bake", "undecided", "hold", "deadline", "judge.false-alarm", "judge.margin", "judge.tolerance",
			"judge.negligible", "judge.horizon", "judge.warm-up", "judge.error-floor", "judge.metrics", extra,
		} {
			if r := reason(p, "deploy "+name); r.Choice == "" || r.Source != "default" || r.Detail == "" {
				t.Errorf("%s: %s is explained by %+v", branch, name, r)
			}
		}
	}
}
