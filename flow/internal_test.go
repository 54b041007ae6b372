package flow

import (
	"math"
	"reflect"
	"testing"
	"time"

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

// TestSplitting holds what shows that traffic goes by a new weight: requests
// that the old one does not explain, and in the right number.
func TestSplitting(t *testing.T) {
	for name, tt := range map[string]struct {
		before, weight    int
		looks             []parts
		fits, contradicts bool
	}{
		"nothing seen":             {0, 10, nil, false, false},
		"nobody came":              {0, 10, []parts{{}, {}}, false, false},
		"as before":                {0, 10, []parts{{500, 0}, {500, 0}}, false, true},
		"as asked":                 {0, 10, []parts{{90, 10}}, true, false},
		"from now on":              {0, 10, []parts{{2000, 0}, {2000, 0}, {100, 11}}, true, false},
		"too few to tell":          {50, 60, []parts{{4, 6}}, false, false},
		"half of it":               {5, 50, []parts{{750, 250}, {750, 250}}, false, true},
		"more than asked":          {5, 25, []parts{{50, 50}, {50, 50}}, false, true},
		"all of it":                {50, 100, []parts{{0, 40}}, true, false},
		"all but one under way":    {50, 100, []parts{{1, 60}}, true, false},
		"not all of it":            {50, 100, []parts{{100, 900}, {100, 900}}, false, true},
		"a few at the wrong place": {50, 100, []parts{{3, 0}}, false, false},
		"less for the new one":     {60, 20, []parts{{80, 20}}, true, false},
	} {
		s := splitting{before: tt.before, weight: tt.weight}
		for _, l := range tt.looks {
			s.add(l)
		}
		if s.fits() != tt.fits || !s.fits() && s.contradicts() != tt.contradicts {
			t.Errorf("%s: fits %v, contradicts %v, want %v, %v", name, s.fits(), s.contradicts(), tt.fits, tt.contradicts)
		}
	}
}

// A vote is of the time at which it came in, and of no time before there was
// anything to vote on.
func TestDatedVotes(t *testing.T) {
	began := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name                string
		dated, received     time.Duration // after the run began
		unknown, believable bool
	}{
		{name: "at once", dated: time.Hour, received: time.Hour, believable: true},
		{name: "a clock that is a little ahead", dated: time.Hour + time.Minute, received: time.Hour, believable: true},
		{name: "dated ahead", dated: 2 * time.Hour, received: time.Hour},
		{name: "dated back", dated: time.Hour, received: 2 * time.Hour},
		{name: "before the run", dated: -time.Hour, received: -time.Hour},
		{name: "before the run, nobody knows when it came", dated: -time.Hour, unknown: true},
		{name: "nobody knows when it came", dated: time.Hour, unknown: true, believable: true},
	} {
		v := fairlead.Approval{Time: began.Add(tt.dated), Received: began.Add(tt.received)}
		if tt.unknown {
			v.Received = time.Time{}
		}
		if dated(v, began) != tt.believable {
			t.Errorf("%s: believed %v", tt.name, !tt.believable)
		}
	}
}
