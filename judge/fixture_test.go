package judge_test

import "fairlead.dev"

// bounds are latency bounds in seconds as a proxy would count them.
var bounds = []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 60}

// arm makes a sample whose requests took fast seconds, except for the given
// number of slow ones.
func arm(requests, errors uint64, fast float64, slow uint64, slowness float64) fairlead.Sample {
	s := fairlead.Sample{
		Requests: requests, Errors: errors,
		Latency: fairlead.Histogram{LE: bounds, Count: make([]uint64, len(bounds))},
	}
	for i, le := range bounds {
		if fast <= le {
			s.Latency.Count[i] += requests - slow
		}
		if slowness <= le {
			s.Latency.Count[i] += slow
		}
	}
	return s
}

// quick is an arm that answers within 4 ms.
func quick(requests, errors uint64) fairlead.Sample { return arm(requests, errors, 0.004, 0, 0) }

func restarted(s fairlead.Sample, n uint64) fairlead.Sample {
	s.Restarts = n
	return s
}
