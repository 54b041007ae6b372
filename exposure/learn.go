package exposure

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"fairlead.dev"
	"fairlead.dev/triage"
)

// place is one service's environment.
type place struct{ environment, service string }

// learn opens, changes and fixes the findings of all places that something is
// known of now, or is no longer.
func (e *Evaluator) learn(ctx context.Context, c *Change, holding []fairlead.Exposure, whole []Entered) error {
	news := map[place]*triage.News{}
	at := func(environment, service string) *triage.News {
		p := place{environment, service}
		if news[p] == nil {
			news[p] = &triage.News{Environment: environment, Service: service, Time: e.Now}
		}
		return news[p]
	}
	for _, x := range holding {
		n := at(x.Environment, x.Service)
		n.Holding = append(n.Holding, x.Findings()...)
	}
	for _, x := range c.Cleared {
		n := at(x.Environment, x.Service)
		n.Over = append(n.Over, x.Findings()...)
	}
	for _, w := range whole {
		if len(w.Parts) > 0 { // of one without a bill of materials nothing is known
			at(w.State.Environment, w.State.Service).Whole = true
		}
	}
	for _, p := range slices.SortedFunc(maps.Keys(news), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.environment, b.environment), cmp.Compare(a.service, b.service))
	}) {
		before, err := e.Index.Findings(ctx, fairlead.TrackedFilter{Service: p.service, Environment: &p.environment})
		if err != nil {
			return err
		}
		clock := fairlead.DefaultClock()
		if e.Clock != nil {
			if clock, err = e.Clock(ctx, p.environment, p.service); err != nil {
				return err
			}
		}
		_, changed := triage.Learn(before, *news[p], clock)
		c.Findings = append(c.Findings, changed...)
	}
	return nil
}
