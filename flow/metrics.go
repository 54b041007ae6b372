package flow

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/judge"
)

// Metrics reads counters that a target does not keep itself.
type Metrics interface {
	// Read evaluates expressions at one moment; the readings are in their order.
	Read(ctx context.Context, at time.Time, expressions []string) []fairlead.Reading
}

// Names of the arms in expressions.
const (
	armBaseline = "baseline"
	armCanary   = "canary"
)

// question is one expression of one metric for one arm.
type question struct {
	metric fairlead.MetricPolicy
	arm    string
	role   string // bad, total or buckets
	text   string
}

func (q question) key() string { return q.arm + "/" + q.metric.Name + "/" + q.role }

// questions gives what a metrics server is asked about metrics of some arms.
func (m *move) questions(metrics []fairlead.MetricPolicy, arms ...string) []question {
	var out []question
	for _, metric := range metrics {
		for _, arm := range arms {
			for _, q := range []question{{metric, arm, "bad", metric.Bad}, {metric, arm, "total", metric.Total}, {metric, arm, "buckets", metric.Buckets}} {
				if q.text == "" {
					continue
				}
				release := m.in.Release.ID
				if arm == armBaseline {
					release = m.previous.ID
				}
				q.text = strings.NewReplacer("{{service}}", m.in.Plan.Service, "{{environment}}", m.in.Plan.Environment,
					"{{release}}", release.Hex(), "{{tag}}", release.Hex()[:10], "{{arm}}", arm).Replace(q.text)
				out = append(out, q)
			}
		}
	}
	return out
}

// counted is what further metrics say of both arms since the cursor.
type counted struct {
	further map[string]map[string]judge.Count // by arm, then by metric
	missing []string                          // each with the reason
	next    map[string]map[string]float64     // for the cursor
}

// count asks the metrics server. What has no answer leaves the cursor where it
// was: what was counted meanwhile is counted at the next answer.
func (m *move) count(ctx context.Context, at time.Time, last map[string]map[string]float64, metrics []fairlead.MetricPolicy, arms ...string) counted {
	out := counted{further: map[string]map[string]judge.Count{armBaseline: {}, armCanary: {}}, next: maps.Clone(last)}
	if out.next == nil {
		out.next = map[string]map[string]float64{}
	}
	asked := m.questions(metrics, arms...)
	if len(asked) == 0 {
		return out
	}
	answers := map[string]fairlead.Reading{}
	for i, r := range m.readMetrics(ctx, at, asked) {
		answers[asked[i].key()] = r
	}
	for _, metric := range metrics {
		for _, arm := range arms {
			if err := out.add(metric, arm, answers, last); err != nil {
				out.missing = append(out.missing, fmt.Sprintf("%s of the %s release: %s", metric.Name, ageOf(arm), err))
			}
		}
	}
	return out
}

func ageOf(arm string) string {
	if arm == armCanary {
		return "new"
	}
	return "old"
}

// readMetrics gives one reading for each question; when the server cannot be
// asked at all they say why.
func (m *move) readMetrics(ctx context.Context, at time.Time, asked []question) []fairlead.Reading {
	texts := make([]string, len(asked))
	for i, q := range asked {
		texts[i] = q.text
	}
	server, err := m.metricsServer()
	if err != nil {
		return slices.Repeat([]fairlead.Reading{{Missing: err.Error()}}, len(asked))
	}
	return server.Read(ctx, at, texts)
}

func (m *move) metricsServer() (Metrics, error) {
	if m.metrics != nil {
		return m.metrics, nil
	}
	at := m.in.Plan.Release.Metrics
	if at == nil || m.Metrics == nil {
		return nil, &fairlead.Problem{Op: "read metrics", Kind: fairlead.KindInvalid, Err: fmt.Errorf("the plan names no metrics server")}
	}
	opened, err := m.Metrics(*at)
	if err == nil {
		m.metrics = opened
	}
	return opened, err
}

// add takes one metric of one arm from the answers, all of its expressions or none.
func (c *counted) add(metric fairlead.MetricPolicy, arm string, answers map[string]fairlead.Reading, last map[string]map[string]float64) error {
	roles := []string{"bad", "total"}
	switch metric.Kind {
	case fairlead.MetricHistogram:
		roles = []string{"buckets"}
	case fairlead.MetricCounts:
	default:
		return nil
	}
	grown := map[string][]fairlead.Counter{}
	for _, role := range roles {
		key := question{metric: metric, arm: arm, role: role}.key()
		r := answers[key]
		if r.Missing != "" {
			return fmt.Errorf("%s: %s", role, r.Missing)
		}
		grown[role] = growth(r.Series, last[key])
	}
	count := judge.Count{Bad: total(grown["bad"]), Total: total(grown["total"])}
	if metric.Kind == fairlead.MetricHistogram {
		var err error
		if count.Histogram, err = histogram(grown["buckets"]); err != nil {
			return err
		}
	}
	for _, role := range roles {
		key := question{metric: metric, arm: arm, role: role}.key()
		c.next[key] = placesOf(answers[key].Series, last[key])
	}
	c.further[arm][metric.Name] = count
	return nil
}

// growth gives how much each series has grown. One that fell was reset, and
// one that is new, beside others that are not, began from nothing.
func growth(series []fairlead.Counter, last map[string]float64) []fairlead.Counter {
	out := slices.Clone(series)
	for i, s := range series {
		before, known := last[s.ID]
		switch {
		case last == nil:
			out[i].Value = 0 // the first reading: since when it counts is not known
		case known && s.Value >= before:
			out[i].Value = s.Value - before
		}
	}
	return out
}

// placesOf gives where the series stand. One that has gone is kept, so that it
// is not taken for a new one when it comes back.
func placesOf(series []fairlead.Counter, last map[string]float64) map[string]float64 {
	out := maps.Clone(last)
	if out == nil {
		out = map[string]float64{}
	}
	for _, s := range series {
		out[s.ID] = s.Value
	}
	return out
}

func total(series []fairlead.Counter) uint64 {
	sum := 0.0
	for _, s := range series {
		sum += s.Value
	}
	return uint64(math.Round(sum))
}

// histogram puts buckets together; all histograms must have the same bounds.
// The last bound stands for any.
func histogram(buckets []fairlead.Counter) (fairlead.Histogram, error) {
	sums, groups, bounds := map[float64]float64{}, map[string]int{}, map[float64]int{}
	for _, b := range buckets {
		le, err := strconv.ParseFloat(b.LE, 64)
		if err != nil || math.IsNaN(le) {
			return fairlead.Histogram{}, fmt.Errorf("%s has no bound le", b.ID)
		}
		sums[le] += b.Value
		bounds[le]++
		groups[b.Group]++
	}
	order := slices.SortedFunc(maps.Keys(sums), cmp.Compare[float64])
	if len(order) == 0 || !math.IsInf(order[len(order)-1], 1) {
		return fairlead.Histogram{}, fmt.Errorf("the histogram has no bucket +Inf")
	}
	h := fairlead.Histogram{}
	most := uint64(0)
	for _, le := range order {
		if bounds[le] != len(groups) {
			return fairlead.Histogram{}, fmt.Errorf("not all histograms have the bound %g", le)
		}
		most = max(most, uint64(math.Round(sums[le])))
		h.LE, h.Count = append(h.LE, min(le, math.MaxFloat64)), append(h.Count, most)
	}
	return h, nil
}
