package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

// Names of the metrics that a target counts itself, and of one that the judge adds.
const (
	metricErrors   = "errors"
	metricLatency  = "latency"
	metricRestarts = "restarts"
)

const sourcePrometheus = "prometheus"

// longestWarmUp is the warm-up that is not asked for.
const longestWarmUp = fairlead.Duration(30 * time.Second)

// judge is when the release counts as worse, and when as not worse. planned is
// how long it will be watched in all.
func (p *planner) judge(c chooser, judged Judged, planned fairlead.Duration) fairlead.JudgePolicy {
	j := judged.Judge
	undecided := fairlead.UndecidedPromote
	if p.metrics() {
		undecided = fairlead.UndecidedHold
	}
	var configured *string
	if judged.Undecided != "" {
		configured = &judged.Undecided
	}
	margin := choose(c, "judge.margin", j.Margin, 1, "")
	horizon := choose(c, "judge.horizon", j.Horizon, planned, "all stages and the bake")
	return fairlead.JudgePolicy{
		FalseAlarm: float64(choose(c, "judge.false-alarm", j.FalseAlarm, 0.01, "")),
		Margin:     float64(margin),
		Tolerance:  float64(choose(c, "judge.tolerance", j.Tolerance, min(defaultTolerance, margin/2), "")),
		Negligible: float64(choose(c, "judge.negligible", j.Negligible, 0.001, "")),
		Horizon:    horizon,
		WarmUp:     choose(c, "judge.warm-up", j.WarmUp, min(horizon/20, longestWarmUp), "a twentieth of the horizon"),
		ErrorFloor: float64(choose(c, "judge.error-floor", j.ErrorFloor, 0.2, "")),
		Metrics:    p.judgeMetrics(c, j.Metrics),
		Undecided:  choose(c, "undecided", configured, undecided, p.monitoring()),
		Hold:       choose(c, "hold", judged.Hold, defaultHold, ""),
	}
}

// judgeMetrics are the metrics that are compared.
func (p *planner) judgeMetrics(c chooser, configured []JudgeMetric) []fairlead.MetricPolicy {
	source := "config"
	if len(configured) == 0 {
		source = "default"
		configured = []JudgeMetric{{Name: metricErrors}, {Name: metricLatency}}
	}
	var out []fairlead.MetricPolicy
	var names []string
	for _, m := range configured {
		policy := m.policy()
		out = append(out, policy)
		name := m.Name
		if policy.Critical {
			name += " (critical)"
		}
		names = append(names, name)
	}
	if i := splitBy(configured, out); i >= 0 {
		out[i].Split = true
	}
	c.because("judge.metrics", strings.Join(names, ", "), source, "")
	return out
}

// splitBy chooses the metric whose total shows how traffic is divided: the one
// that says so, or else the first critical one that a server counts, or else
// the first; none where there is none, or none is to be: -1.
func splitBy(configured []JudgeMetric, out []fairlead.MetricPolicy) int {
	best, most := -1, 0
	for i, m := range configured {
		worth := 1
		switch {
		case !fromServer(out[i]) || m.Split != nil && !*m.Split:
			continue
		case m.Split != nil:
			worth = 3
		case out[i].Critical:
			worth = 2
		}
		if worth > most {
			best, most = i, worth
		}
	}
	return best
}

func (m JudgeMetric) policy() fairlead.MetricPolicy {
	out := fairlead.MetricPolicy{
		Name: m.Name, Kind: fairlead.MetricCounts, Weight: 1, Critical: m.Name == metricErrors, Thresholds: m.At,
		Bad: m.Bad, Total: m.Total, Buckets: m.Buckets,
	}
	switch {
	case m.source() == sourcePrometheus && m.Buckets != "":
		out.Kind = fairlead.MetricHistogram
	case m.source() == sourcePrometheus:
	case m.Name == metricErrors:
		out.Kind = fairlead.MetricErrors
	default:
		out.Kind = fairlead.MetricLatency
	}
	if m.Margin != nil {
		out.Margin = float64(*m.Margin)
	}
	if m.Weight != nil {
		out.Weight = float64(*m.Weight)
	}
	if m.Critical != nil {
		out.Critical = *m.Critical
	}
	return out
}

func (m JudgeMetric) source() string {
	if m.Source == "" && m.Bad+m.Total+m.Buckets != "" {
		return sourcePrometheus
	}
	return m.Source
}

// metricsServer is where metrics are read, nil when all of them are the target's.
func (p *planner) metricsServer(policy fairlead.JudgePolicy) *fairlead.MetricsServer {
	if !slices.ContainsFunc(policy.Metrics, fromServer) || p.cfg.Sources.Prometheus == nil {
		return nil
	}
	s := *p.cfg.Sources.Prometheus
	out := &fairlead.MetricsServer{
		Type: sourcePrometheus, URL: s.URL, CA: s.CA, Authorization: s.Authorization,
		Timeout: fairlead.Duration(5 * time.Second), Stale: fairlead.Duration(time.Minute),
	}
	if s.Timeout != nil {
		out.Timeout = *s.Timeout
	}
	if s.Stale != nil {
		out.Stale = *s.Stale
	}
	p.because("metrics", s.URL, "config", p.cfg.at("sources.prometheus"))
	return out
}

func fromServer(m fairlead.MetricPolicy) bool {
	return m.Kind == fairlead.MetricCounts || m.Kind == fairlead.MetricHistogram
}

// checkJudges reports metrics that cannot be judged.
func (d *decoder) checkJudges(cfg *Config) {
	if s := cfg.Sources.Prometheus; s != nil && !strings.HasPrefix(s.URL, "http://") && !strings.HasPrefix(s.URL, "https://") && s.URL != "" {
		d.reportAt("sources.prometheus.url", "must begin with http:// or https://", got(s.URL), "")
	}
	for _, strategy := range []struct {
		name, undecided string
		judge           Judge
	}{
		{"canary", cfg.Deploy.Canary.Undecided, cfg.Deploy.Canary.Judge},
		{"blue-green", cfg.Deploy.BlueGreen.Undecided, cfg.Deploy.BlueGreen.Judge},
		{"rolling", cfg.Deploy.Rolling.Undecided, cfg.Deploy.Rolling.Judge},
	} {
		if strategy.undecided == fairlead.UndecidedAsk && len(cfg.People) == 0 {
			d.reportAt("deploy."+strategy.name+".undecided", "must have somebody to ask", got(strategy.undecided), "name them under people")
		}
		key, seen, split := "deploy."+strategy.name+".judge", map[string]bool{metricRestarts: true}, false
		for i, m := range strategy.judge.Metrics {
			at := fmt.Sprintf("%s.metrics[%d]", key, i)
			if m.Name != "" && seen[m.Name] {
				d.reportAt(at+".name", "must be unique, and restarts is always judged", got(m.Name), "")
			}
			seen[m.Name] = true
			if m.Split != nil && *m.Split {
				if split {
					d.reportAt(at+".split", "must be true for one metric at most", "", "")
				}
				split = true
			}
			d.checkMetric(at, m, cfg.Sources.Prometheus != nil)
		}
		if j := strategy.judge; j.Tolerance != nil {
			margin := Percent(1)
			if j.Margin != nil {
				margin = *j.Margin
			}
			if *j.Tolerance > margin/2 {
				d.reportAt(key+".tolerance", "must be at most half the margin", "", "")
			}
		}
	}
}

// defaultTolerance is the judge's own, by which docs/reference/judge.md was measured.
const defaultTolerance Percent = 0.07

// checkMetric reports what is wrong with one metric.
func (d *decoder) checkMetric(at string, m JudgeMetric, server bool) {
	own := m.Name == metricErrors || m.Name == metricLatency
	switch {
	case m.Name == "":
	case m.source() != sourcePrometheus && !own:
		d.reportAt(at+".name", "must be errors or latency, which a target counts, or have bad and total, or buckets", got(m.Name),
			didYouMean(m.Name, []string{metricErrors, metricLatency}))
	case m.source() != sourcePrometheus && m.Bad+m.Total+m.Buckets != "":
		d.reportAt(at+".source", "must be prometheus where bad, total or buckets is given", got(m.Source), "")
	case m.source() != sourcePrometheus && m.Split != nil:
		d.reportAt(at+".split", "must stand with total or buckets: the target divides what it counts itself", "", "")
	case m.source() != sourcePrometheus && m.Name == metricErrors && len(m.At) > 0:
		d.reportAt(at+".at", "must not be given for errors: they have no bounds", "", "")
	case m.source() != sourcePrometheus:
	case own:
		d.reportAt(at+".name", "must not be the name of what the target counts", got(m.Name), "call it "+m.Name+"-by-prometheus")
	case !server:
		d.reportAt(at, "needs a server to ask", "", "add sources: {prometheus: {url: ...}}")
	case m.Buckets == "" && (m.Bad == "" || m.Total == ""), m.Buckets != "" && m.Bad+m.Total != "":
		d.reportAt(at, "must have either bad and total, or buckets", "", "")
	case m.Buckets == "" && len(m.At) > 0:
		d.reportAt(at+".at", "must stand with buckets, whose bounds it chooses", "", "")
	default:
		for _, e := range []struct{ key, text string }{{"bad", m.Bad}, {"total", m.Total}, {"buckets", m.Buckets}} {
			d.checkExpression(at+"."+e.key, e.text)
		}
	}
}

// checkExpression reports variables that do not exist, and an expression that
// would say the same of both releases.
func (d *decoder) checkExpression(key, text string) {
	if text == "" {
		return
	}
	known := []string{"service", "environment", "release", "tag", "arm"}
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, "{{")
		if !ok {
			break
		}
		name, tail, _ := strings.Cut(after, "}}")
		if !slices.Contains(known, name) {
			d.reportAt(key, "must use no variable but {{service}}, {{environment}}, {{release}}, {{tag}} and {{arm}}", got("{{"+name+"}}"), "")
			return
		}
		rest = tail
	}
	if !strings.Contains(text, "{{release}}") && !strings.Contains(text, "{{tag}}") && !strings.Contains(text, "{{arm}}") {
		d.reportAt(key, "must tell the two releases apart", "", "select by {{release}}, {{tag}} or {{arm}}, for example {fairlead_release=\"{{release}}\"}")
	}
}
