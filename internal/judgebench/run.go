// Command judgebench measures the judge: how often it calls a healthy release
// worse, how soon it finds one that is, and how the rules of other tools fare
// on the same traffic. `make bench-judge` runs it and writes
// docs/reference/judge.md.
package main

import (
	"math/rand/v2"

	"fairlead.dev"
)

// run is one analysis: what both arms served in each minute. nil is a lost scrape.
type run struct {
	baseline, canary [minutes]*fairlead.Sample
}

// draw gives the i-th analysis of a family. The same i always gives the same.
func (f family) draw(i int) *run {
	r := rand.New(rand.NewPCG(f.seed, uint64(i)))
	course := f.begin(r)
	out := new(run)
	for m := range minutes {
		b, c := course(r, m)
		out.baseline[m] = serve(r, f.traffic*(1-f.share), b)
		out.canary[m] = serve(r, f.traffic*f.share, c)
	}
	return out
}
