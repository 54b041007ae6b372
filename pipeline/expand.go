package pipeline

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fairlead.dev"
)

// expand makes the task or, with a matrix, one task per combination.
func (p *planner) expand(d draft) []fairlead.Task {
	t := fairlead.Task{
		ID: d.id, Type: d.step, Config: d.config, Phase: d.phase, Slow: d.slow, Service: d.service,
		Env: sortedUnion(p.cfg.Env, d.work.Env), Reads: d.work.Reads,
		Timeout: d.work.Timeout, Retries: defaultRetries,
		Reason: d.source + ": " + d.detail,
	}
	if t.Timeout == 0 {
		t.Timeout = defaultTimeout
	}
	if d.work.Retries != nil {
		t.Retries = *d.work.Retries
	}
	if len(d.work.Matrix) == 0 {
		return []fairlead.Task{t}
	}
	var tasks []fairlead.Task
	for _, c := range combinations(d.work.Matrix) {
		cell := t
		cell.ID = d.id + "[" + strings.Join(c, ",") + "]"
		values := map[string]string{}
		for _, pair := range c {
			name, value, _ := strings.Cut(pair, "=")
			values[name] = value
		}
		cell.Matrix, _ = json.Marshal(values) // strings always have an encoding
		tasks = append(tasks, cell)
	}
	return tasks
}

// combinations lists every combination of a matrix as "name=value" pairs:
// names sorted, values in the order they were written, the last name fastest.
func combinations(matrix map[string][]Cell) [][]string {
	all := [][]string{nil}
	for _, name := range slices.Sorted(maps.Keys(matrix)) {
		var next [][]string
		for _, prefix := range all {
			for _, v := range matrix[name] {
				next = append(next, append(slices.Clone(prefix), fmt.Sprintf("%s=%s", name, v)))
			}
		}
		all = next
	}
	return all
}

func sortedUnion(a, b []string) []string {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// unique drops repeated values and keeps the order.
func unique(values []string) []string {
	seen := make(map[string]bool, len(values))
	out := make([]string, 0, len(values))
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}
