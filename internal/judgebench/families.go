package main

// families are all there are, in the order of the table. A seed is the
// family's own, so adding one changes no other.
func families() []family {
	return append(nulls(), effects()...)
}

// nulls are releases that are as good as the one before.
func nulls() []family {
	return []family{
		{name: "null-clean", title: "clean", seed: 101, traffic: 600, share: 0.5, begin: steady(same)},
		{name: "null-clean-30", title: "clean, 30 requests/min/arm", seed: 102, traffic: 60, share: 0.5, begin: steady(same)},
		{name: "null-clean-3000", title: "clean, 3,000 requests/min/arm", seed: 103, traffic: 6000, share: 0.5, begin: steady(same)},
		{name: "null-diurnal", title: "diurnal load and errors", seed: 104, traffic: 600, share: 0.5, begin: diurnal(1)},
		{name: "null-shared-bursts", title: "bursts shared by both arms (gamma, k=1)", seed: 105, traffic: 600, share: 0.5, begin: sharedBursts},
		{name: "null-arm-bursts", title: "bursts of each arm (gamma, k=2)", seed: 106, traffic: 600, share: 0.5, begin: armBursts(2, 1)},
		{name: "null-arm-bursts-3000", title: "the same, 3,000 requests/min/arm", seed: 107, traffic: 6000, share: 0.5, begin: armBursts(2, 1)},
		{name: "null-autocorrelated", title: "autocorrelated load, errors and latency", seed: 108, traffic: 600, share: 0.5, begin: autocorrelated},
		{name: "null-replicas", title: "replicas differ: errors by 20 %, latency by 3 %", seed: 109, traffic: 600, share: 0.5, begin: replicas(0.2, 0.03)},
		{name: "null-warm-up", title: "cold caches: 3 minutes slow, with 4 times the errors, left out", seed: 110, traffic: 600, share: 0.5, warmUp: 3, begin: steady(coldCache)},
		{name: "null-split-5-95", title: "5/95 split, 600 requests/min in all", seed: 111, traffic: 600, share: 0.05, begin: steady(same)},
		{name: "null-missing-scrapes", title: "a tenth of all scrapes missing", seed: 112, traffic: 600, share: 0.5, begin: scrapes(0.1)},
		{name: "null-counter-resets", title: "counters reset in 2 % of minutes", seed: 113, traffic: 600, share: 0.5, begin: resets(0.02)},
		{name: "null-no-errors", title: "no errors in either arm", seed: 114, traffic: 600, share: 0.5, begin: errorRate(0)},
		{name: "null-many-errors", title: "a tenth of all requests fails in both arms", seed: 115, traffic: 600, share: 0.5, begin: errorRate(0.1)},

		// Added after tuning had begun, since a case outside the list showed a weakness.
		{name: "null-arm-bursts-1000", title: "bursts of each arm (k=2), 1,000 requests/min/arm", late: true, seed: 116, traffic: 2000, share: 0.5, begin: armBursts(2, 1)},
		{name: "null-arm-bursts-100", title: "the same, 100 requests/min/arm", late: true, seed: 117, traffic: 200, share: 0.5, begin: armBursts(2, 1)},

		{name: "null-held-out-split-bursts", title: "5/95 split with bursts of each arm (k=4), 3,000 in all", heldOut: true, seed: 191, traffic: 3000, share: 0.05, begin: armBursts(4, 1)},
		{name: "null-held-out-replicas-3000", title: "replicas differ by 10 %, 3,000 requests/min/arm", heldOut: true, seed: 192, traffic: 6000, share: 0.5, begin: replicas(0.1, 0.02)},
		{name: "null-held-out-noisy-latency", title: "latency drifts, with 5 % noise of each arm", heldOut: true, seed: 193, traffic: 600, share: 0.5, begin: noisyLatency},
		{name: "null-held-out-bursts-30", title: "bursts of each arm (k=1), 30 requests/min/arm", heldOut: true, seed: 194, traffic: 60, share: 0.5, begin: armBursts(1, 1)},
	}
}

func coldCache(minute int, c *condition) {
	if minute < 3 {
		c.errors *= 4
		c.scale *= 3
	}
}

// effects are releases that are truly worse.
func effects() []family {
	return []family{
		{name: "effect-step-x2", title: "2 times the errors", effect: true, seed: 201, traffic: 600, share: 0.5, begin: steady(times(2))},
		{name: "effect-step-x4", title: "4 times the errors", effect: true, seed: 202, traffic: 600, share: 0.5, begin: steady(times(4))},
		{name: "effect-step-x10", title: "10 times the errors", effect: true, seed: 203, traffic: 600, share: 0.5, begin: steady(times(10))},
		{name: "effect-step-x4-30", title: "4 times the errors, 30 requests/min/arm", effect: true, seed: 204, traffic: 60, share: 0.5, begin: steady(times(4))},
		{name: "effect-step-x10-30", title: "10 times the errors, 30 requests/min/arm", effect: true, seed: 205, traffic: 60, share: 0.5, begin: steady(times(10))},
		{name: "effect-step-x2-3000", title: "2 times the errors, 3,000 requests/min/arm", effect: true, seed: 206, traffic: 6000, share: 0.5, begin: steady(times(2))},
		{name: "effect-ramp", title: "ramp: errors grow to 8 times over the hour", effect: true, seed: 207, traffic: 600, share: 0.5, begin: steady(ramp)},
		{name: "effect-intermittent", title: "intermittent: 10 times the errors in one minute of five", effect: true, seed: 208, traffic: 600, share: 0.5, begin: steady(intermittent)},
		{name: "effect-late", title: "4 times the errors from minute 30 on", effect: true, seed: 209, traffic: 600, share: 0.5, begin: steady(late)},
		{name: "effect-tail", title: "tail only: 3 % of requests 5 times slower", effect: true, seed: 210, traffic: 600, share: 0.5, begin: steady(func(_ int, c *condition) { c.tail, c.tailBy = 0.03, 5 })},
		{name: "effect-slower", title: "every request 25 % slower", effect: true, seed: 211, traffic: 600, share: 0.5, begin: steady(func(_ int, c *condition) { c.scale = 1.25 })},
		{name: "effect-variance", title: "variance only: the same median, half as much spread again", effect: true, seed: 212, traffic: 600, share: 0.5, begin: steady(func(_ int, c *condition) { c.sigma *= 1.5 })},
		{name: "effect-endpoint", title: "one endpoint: 5 % of requests fail in every fifth case", effect: true, seed: 213, traffic: 600, share: 0.5, begin: steady(func(_ int, c *condition) { c.errors += 0.05 * 0.2 })},
		{name: "effect-replica", title: "one replica of four: 10 times the errors", effect: true, seed: 214, traffic: 600, share: 0.5, begin: steady(times(1 + 9.0/4))},
		{name: "effect-traffic-drop", title: "traffic drop: two fifths of the canary's requests are lost unseen", effect: true, seed: 215, traffic: 600, share: 0.5, begin: steady(func(_ int, c *condition) { c.load = 0.6 })},
		{name: "effect-leak", title: "leak: every request 2 % slower each minute", effect: true, seed: 216, traffic: 600, share: 0.5, begin: steady(func(minute int, c *condition) { c.scale = 1 + 0.02*float64(minute) })},

		{name: "effect-held-out-x3-bursts", title: "3 times the errors, bursts of each arm (k=2)", effect: true, heldOut: true, seed: 291, traffic: 600, share: 0.5, begin: armBursts(2, 3)},
		{name: "effect-held-out-split-x4", title: "4 times the errors, 5/95 split, 3,000 requests/min in all", effect: true, heldOut: true, seed: 292, traffic: 3000, share: 0.05, begin: steady(times(4))},
		{name: "effect-held-out-diurnal-x4", title: "4 times the errors, diurnal", effect: true, heldOut: true, seed: 293, traffic: 600, share: 0.5, begin: diurnal(4)},
		{name: "effect-held-out-stall", title: "1 % of requests stall for 20 times as long", effect: true, heldOut: true, seed: 294, traffic: 600, share: 0.5, begin: steady(func(_ int, c *condition) { c.tail, c.tailBy = 0.01, 20 })},
	}
}

func ramp(minute int, c *condition) { c.errors *= 1 + 7*float64(minute)/(minutes-1) }

func intermittent(minute int, c *condition) {
	if minute%5 == 0 {
		c.errors *= 10
	}
}

func late(minute int, c *condition) {
	if minute >= 30 {
		c.errors *= 4
	}
}
