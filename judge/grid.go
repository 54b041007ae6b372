package judge

import (
	"math"
	"slices"
)

// mostRisks bounds a grid, so that a series is a plain value without pointers.
const mostRisks = 12

// grid is the relative risks that a series holds its counts under. It is the
// same for every block, so it is computed once for a policy.
type grid struct {
	risks     []float64 // growing
	logs      []float64 // of each risk over the tolerated one
	tolerated int       // index of 1+tolerance: more than that is worse
	margin    int       // index of 1+margin: less than that is not worse
	upper     []float64 // stake on each risk above tolerated; sums to 1
	lower     []float64 // stake on each risk below margin; sums to 1
}

// fine are the risks that metrics are held under, beside their own two.
var fine = [...]float64{0.3, 0.6, 1, 1.5, 2, 3, 4.5, 8, 18}

// newGrid takes at most mostRisks-2 further risks.
func newGrid(tolerance, margin float64, further ...float64) *grid {
	g := &grid{risks: slices.Clone(further)}
	for _, r := range []float64{1 + tolerance, 1 + margin} {
		if !slices.Contains(g.risks, r) {
			g.risks = append(g.risks, r)
		}
	}
	slices.Sort(g.risks)
	g.tolerated = slices.Index(g.risks, 1+tolerance)
	g.margin = slices.Index(g.risks, 1+margin)
	g.logs, g.upper, g.lower = make([]float64, len(g.risks)), make([]float64, len(g.risks)), make([]float64, len(g.risks))
	for i, r := range g.risks {
		g.logs[i] = math.Log(r / (1 + tolerance))
		if r >= (1+tolerance)*1.2 {
			g.upper[i] = plausible(r)
		}
		if r >= (1+margin)/12 && r <= (1+margin)*0.9 {
			g.lower[i] = 1
		}
	}
	normalize(g.upper)
	normalize(g.lower)
	return g
}

// plausible weighs the relative risks above the tolerated one: releases that are
// bad tend to be several times as bad.
func plausible(risk float64) float64 {
	d := math.Log(risk / 4.5)
	return math.Exp(-d * d / (2 * 0.4 * 0.4))
}

func normalize(stakes []float64) {
	sum := 0.0
	for _, s := range stakes {
		sum += s
	}
	for i := range stakes {
		stakes[i] /= sum
	}
}
