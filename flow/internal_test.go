package flow

import (
	"math"
	"reflect"
	"testing"

	"fairlead.dev"
	"fairlead.dev/judge"
)

func TestGrowth(t *testing.T) {
	last := map[string]float64{"a": 10, "b": 5, "gone": 7}
	now := []fairlead.Counter{{ID: "a", Value: 14}, {ID: "b", Value: 2}, {ID: "new", Value: 3}}
	if got := total(growth(now, last)); got != 4+2+3 {
		t.Errorf("grown, reset and new together: %d", got)
	}
	if got := total(growth(now, nil)); got != 0 {
		t.Errorf("the first reading counts %d", got)
	}
	next := placesOf(now, last)
	if want := (map[string]float64{"a": 14, "b": 2, "new": 3, "gone": 7}); !reflect.DeepEqual(next, want) {
		t.Errorf("they stand at %v, want %v", next, want)
	}
	if got := total(growth([]fairlead.Counter{{ID: "gone", Value: 9}}, next)); got != 2 {
		t.Errorf("a series that comes back has grown by %d", got)
	}
}

func TestHistogram(t *testing.T) {
	bucket := func(group, le string, n float64) fairlead.Counter {
		return fairlead.Counter{ID: group + le, Group: group, LE: le, Value: n}
	}
	h, err := histogram([]fairlead.Counter{
		bucket("x", "+Inf", 9), bucket("x", "0.1", 4), bucket("y", "0.1", 1), bucket("y", "+Inf", 2),
	})
	if want := (fairlead.Histogram{LE: []float64{0.1, math.MaxFloat64}, Count: []uint64{5, 11}}); err != nil || !reflect.DeepEqual(h, want) {
		t.Errorf("got %+v, %v", h, err)
	}
	for name, bad := range map[string][]fairlead.Counter{
		"no buckets":   nil,
		"no last one":  {bucket("x", "0.1", 4)},
		"no bound":     {bucket("x", "", 4)},
		"other bounds": {bucket("x", "0.1", 4), bucket("x", "+Inf", 9), bucket("y", "+Inf", 2)},
	} {
		if h, err := histogram(bad); err == nil {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// TestReferenceIsUsedOnce holds that all parts of a reference are the reference.
func TestReferenceIsUsedOnce(t *testing.T) {
	ref := reference{Arm: judge.Arm{Sample: fairlead.Sample{
		Requests: 1003, Errors: 7, Latency: fairlead.Histogram{LE: []float64{1, 2}, Count: []uint64{900, 1003}},
	}}}
	var sum judge.Arm
	const parts = 13
	for i := range parts {
		sum = together(sum, ref.part(float64(i)/parts, float64(i+1)/parts))
	}
	if sum.Requests != 1003 || sum.Errors != 7 || sum.Latency.Count[1] != 1003 {
		t.Errorf("together %+v", sum.Sample)
	}
	if late := ref.part(1, 1); late.Requests != 0 {
		t.Errorf("after the planned time %d requests are used again", late.Requests)
	}
}

// TestPackedLook holds that a look comes back as it was kept.
func TestPackedLook(t *testing.T) {
	le := []float64{0.1, 1}
	arm := func(le []float64) *judge.Arm {
		return &judge.Arm{Sample: fairlead.Sample{Requests: 3, Latency: fairlead.Histogram{LE: le, Count: []uint64{1, 3}}}}
	}
	for _, l := range []look{
		{Stage: "bake", Period: after, Baseline: arm(le), Canary: arm(le)},
		{Stage: "bake", Period: beside, Canary: arm([]float64{5, 6})},
	} {
		got, err := unpack(l.pack(le), le)
		if err != nil || !reflect.DeepEqual(got, l) {
			t.Errorf("kept %+v, came back as %+v, %v", l, got, err)
		}
	}
}
