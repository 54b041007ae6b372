package prometheus

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/prometheus/common/model"

	"fairlead.dev"
)

// vector takes an answer that is whole. A warning means that a part of it may
// be missing, as when a store behind the server did not answer.
func vector(v model.Value, warnings []string) (model.Vector, error) {
	if len(warnings) > 0 {
		return nil, fmt.Errorf("the answer may be partial: %w", brief(errors.New(strings.Join(warnings, "; "))))
	}
	switch v := v.(type) {
	case model.Vector:
		return v, nil
	case *model.Scalar:
		return model.Vector{{Value: v.Value, Timestamp: v.Timestamp}}, nil
	case nil:
		return nil, errors.New("the answer is empty")
	default:
		return nil, fmt.Errorf("the answer is a %s; an expression must give an instant vector", v.Type())
	}
}

// counters turns samples into counters, all of them or none.
func counters(v model.Vector) ([]fairlead.Counter, error) {
	out := make([]fairlead.Counter, 0, len(v))
	seen := make(map[string]bool, len(v))
	for _, s := range v {
		if s == nil {
			return nil, errors.New("the answer holds no sample where there should be one")
		}
		c := fairlead.Counter{ID: s.Metric.String(), Value: float64(s.Value)}
		switch {
		case s.Histogram != nil:
			return nil, fmt.Errorf("%s is a native histogram, which has no buckets to count by", c.ID)
		case math.IsNaN(c.Value) || math.IsInf(c.Value, 0):
			return nil, fmt.Errorf("%s is %v, not a number of anything", c.ID, c.Value)
		case c.Value < 0:
			return nil, fmt.Errorf("%s is %v; a counter is never negative", c.ID, c.Value)
		case seen[c.ID]:
			return nil, fmt.Errorf("%s is there twice", c.ID)
		}
		seen[c.ID] = true
		if le, ok := s.Metric[model.BucketLabel]; ok {
			group := s.Metric.Clone()
			delete(group, model.BucketLabel)
			c.LE, c.Group = string(le), group.String()
		}
		out = append(out, c)
	}
	return out, nil
}
