package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fairlead.dev"
)

// Ruling is a plan that came into an environment, and by whose safeguards the
// next one is held.
type Ruling struct {
	Name string // "the live release", "the newest release"
	Plan fairlead.Plan
}

// beside gives what rules where a plan's releases would go, each plan once: of
// several services there may be as many as were released apart.
func (d Desk) beside(ctx context.Context, p fairlead.Plan) ([]Ruling, error) {
	services := []string{p.Service}
	for _, s := range p.Services {
		services = append(services, s.Name)
	}
	var all []Ruling
	for _, s := range services {
		in, err := d.InForce(ctx, p.Environment, s)
		if err != nil {
			return nil, err
		}
		for _, r := range in {
			if !slices.ContainsFunc(all, func(o Ruling) bool { return o.Plan.Hash == r.Plan.Hash }) {
				all = append(all, r)
			}
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
	var all []string
	for _, part := range p.Parts() {
		st, err := d.Past.Environment(ctx, p.Environment, part.Service)
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
