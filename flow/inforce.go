package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fairlead.dev"
	"fairlead.dev/target"
)

// Ruling is a plan that came into an environment, and by whose safeguards the
// next one is held.
type Ruling struct {
	Name        string // "the live release", "the newest release"
	Environment string // where it came in
	Plan        fairlead.Plan
}

// beside gives what rules where a plan's releases would go, each plan once: of
// several services there may be as many as were released apart, and what is
// live on the same ground under another name rules as well.
func (d Desk) beside(ctx context.Context, p fairlead.Plan) ([]Ruling, error) {
	places, err := d.places(ctx, p)
	if err != nil {
		return nil, err
	}
	var all []Ruling
	for _, at := range places {
		in, err := d.InForce(ctx, at.Environment, at.Service)
		if err != nil {
			return nil, err
		}
		for _, r := range in {
			if !slices.ContainsFunc(all, func(o Ruling) bool { return o.Plan.Hash == r.Plan.Hash && o.Environment == r.Environment }) {
				all = append(all, r)
			}
		}
	}
	return all, nil
}

// places gives the places that a plan is about: those it names and, whatever
// they are called, those on whose ground its releases would stand. So no change
// gets rid of rules by giving its service or environment another name.
func (d Desk) places(ctx context.Context, p fairlead.Plan) ([]target.Place, error) {
	all := []target.Place{{Environment: p.Environment, Service: p.Service}}
	for _, s := range p.Services {
		all = append(all, target.Place{Environment: p.Environment, Service: s.Name})
	}
	grounds := map[string]bool{}
	for _, part := range p.Parts() {
		if d.Ground == nil {
			continue
		}
		if g := d.Ground(part.Release.Target, part.Release.Config); g != "" {
			grounds[g] = true
		}
	}
	if len(grounds) == 0 {
		return all, nil
	}
	live, err := d.Past.Environments(ctx)
	if err != nil {
		return nil, err
	}
	for _, st := range live {
		at := target.Place{Environment: st.Environment, Service: st.Service}
		if st.Current != nil && !slices.Contains(all, at) && grounds[d.Ground(st.Current.Target, st.Current.Config)] {
			all = append(all, at)
		}
	}
	return all, nil
}

// InForce gives the plans with safeguards that the next release of a service
// has to satisfy: that of the release that is live, and that of the newest which
// was released with success. After a rollback they are two, so that nobody gets
// rid of what people have asked for since by going back to before they did.
func (d Desk) InForce(ctx context.Context, environment, service string) ([]Ruling, error) {
	st, err := d.Past.Environment(ctx, environment, service)
	if fairlead.KindOf(err) == fairlead.KindNotFound || err == nil && st.Current == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, most := range []int{10, 1000} { // nearly always one of the last
		all, err := d.Past.Deployments(ctx, environment, service, most)
		if err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(o fairlead.Deployment) bool { return o.Phase != fairlead.DeployDone })
		live := slices.IndexFunc(all, func(o fairlead.Deployment) bool { return o.Release.ID == st.Current.ID })
		switch {
		case live < 0:
			continue
		case live == 0:
			return d.rulings(ctx, Ruling{Name: "the live release"}, all[0])
		default:
			live, err := d.rulings(ctx, Ruling{Name: "the live release"}, all[live])
			if err != nil {
				return nil, err
			}
			newest, err := d.rulings(ctx, Ruling{Name: "the newest release"}, all[0])
			return append(live, newest...), err
		}
	}
	return nil, &fairlead.Problem{
		Op: "find the live release's rules", Kind: fairlead.KindConflict,
		Err:  fmt.Errorf("no deployment of release %s to %s is recorded", st.Current.ID.Short(), environment),
		Hint: "what it takes to replace it is not known; `fairlead rollback` to a recorded release mends that",
	}
}

// rulings completes a ruling by the plan of a deployment; none when that has no safeguards.
func (d Desk) rulings(ctx context.Context, r Ruling, of fairlead.Deployment) ([]Ruling, error) {
	run, err := d.Past.Run(ctx, of.RunID)
	if err != nil {
		return nil, err
	}
	r.Environment = of.Environment
	if r.Plan, err = d.Past.Plan(ctx, run.Plan); err != nil {
		return nil, errors.Join(errors.New("read the plan of "+r.Name), err)
	}
	if r.Plan.Safeguards == nil {
		return nil, nil
	}
	return []Ruling{r}, nil
}

// LiveCommits gives the commits that are live where a plan's releases would go,
// when people or the calendar have a say there; none when they have not.
func (d Desk) LiveCommits(ctx context.Context, p fairlead.Plan) ([]string, error) {
	in, err := d.beside(ctx, p)
	if err != nil || len(in) == 0 && p.Safeguards == nil {
		return nil, err
	}
	return d.liveCommits(ctx, p)
}

func (d Desk) liveCommits(ctx context.Context, p fairlead.Plan) ([]string, error) {
	places, err := d.places(ctx, p)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, at := range places {
		st, err := d.Past.Environment(ctx, at.Environment, at.Service)
		if fairlead.KindOf(err) == fairlead.KindNotFound || err == nil && st.Current == nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !slices.Contains(all, st.Current.Commit) {
			all = append(all, st.Current.Commit)
		}
	}
	return all, nil
}
