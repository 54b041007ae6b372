package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

// Proven asks for a release that was good in an environment.
type Proven struct {
	Environment, Service string
	Services             []string // when several were released as one: all of them, in order; Service is not read then
	Release              string   // its id or the beginning of it; "" = what is live there
}

// Origin finds what a promotion releases, and the plan that released it before.
// Nothing live, or an environment that is moving when no release is named, is
// KindConflict: what is on its way is not proven. Neither are services of which
// not all are live by one run: nobody has seen just these together.
func (p *Plane) Origin(ctx context.Context, from Proven) (fairlead.Promotion, fairlead.Plan, error) {
	if len(from.Services) > 0 {
		return p.originOfAll(ctx, from)
	}
	op := fmt.Sprintf("promote %s from %s", from.Service, from.Environment)
	d, err := p.proven(ctx, op, from)
	if err != nil {
		return fairlead.Promotion{}, fairlead.Plan{}, err
	}
	run, plan, err := p.released(ctx, op, d)
	if err == nil && len(run.Deployments) > 0 {
		err = &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("run %s released it as one with %s", run.ID, strings.Join(Services(run), ", ")),
			Hint: "leave out --service: they are promoted as one too",
		}
	}
	return fairlead.Promotion{
		From: from.Environment, Run: run.ID, Release: d.Release.ID, Artifacts: slices.Clone(d.Release.Artifacts),
	}, plan, err
}

// originOfAll finds the releases of several services that are live by one run.
// A release that is named stands for its run.
func (p *Plane) originOfAll(ctx context.Context, from Proven) (fairlead.Promotion, fairlead.Plan, error) {
	op := fmt.Sprintf("promote %s from %s", strings.Join(from.Services, ", "), from.Environment)
	var all []fairlead.Deployment
	var err error
	if from.Release == "" {
		all, err = p.liveAsOne(ctx, op, from)
	} else {
		all, err = p.namedAsOne(ctx, op, from)
	}
	if err != nil {
		return fairlead.Promotion{}, fairlead.Plan{}, err
	}
	_, plan, err := p.released(ctx, op, all[0])
	out := fairlead.Promotion{From: from.Environment, Run: all[0].RunID}
	for _, d := range all {
		out.Services = append(out.Services, fairlead.ServicePromotion{
			Service: d.Service, Release: d.Release.ID, Artifacts: slices.Clone(d.Release.Artifacts),
		})
		for _, a := range d.Release.Artifacts {
			if !slices.Contains(out.Artifacts, a) {
				out.Artifacts = append(out.Artifacts, a)
			}
		}
	}
	return out, plan, err
}

// liveAsOne gives the deployments of what is live of several services.
func (p *Plane) liveAsOne(ctx context.Context, op string, from Proven) ([]fairlead.Deployment, error) {
	var all []fairlead.Deployment
	for _, s := range from.Services {
		d, err := p.proven(ctx, op, Proven{Environment: from.Environment, Service: s})
		if err != nil {
			return nil, err
		}
		if len(all) > 0 && d.RunID != all[0].RunID {
			return nil, &fairlead.Problem{
				Op: op, Kind: fairlead.KindConflict,
				Err:  fmt.Errorf("%s is live by run %s and %s by run %s: they were not released as one", all[0].Service, all[0].RunID, s, d.RunID),
				Hint: "deliver to " + from.Environment + " once more, or name a release that was good with --release: its run is promoted then",
			}
		}
		all = append(all, d)
	}
	return all, nil
}

// namedAsOne gives the deployments of the run that released one that is named.
func (p *Plane) namedAsOne(ctx context.Context, op string, from Proven) ([]fairlead.Deployment, error) {
	var missing error
	for _, s := range from.Services {
		d, err := p.proven(ctx, op, Proven{Environment: from.Environment, Service: s, Release: from.Release})
		if fairlead.KindOf(err) == fairlead.KindNotFound {
			missing = err
			continue
		}
		if err != nil {
			return nil, err
		}
		run, err := p.Reader.Run(ctx, d.RunID)
		if err != nil {
			return nil, err
		}
		var all []fairlead.Deployment
		for _, id := range run.Deployments {
			one, err := p.Reader.Deployment(ctx, id)
			if err == nil && one.Phase != fairlead.DeployDone {
				err = &fairlead.Problem{
					Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("of run %s %s was never good there", run.ID, one.Service),
					Hint: "name a release of a run whose services were all good; `fairlead env show " + from.Environment + "` lists them",
				}
			}
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		if len(all) == 0 {
			all = append(all, d) // it was not one of several then
		}
		return all, nil
	}
	return nil, missing
}

// proven gives the deployment that made a release good: of what is live, or of
// the one that is named.
func (p *Plane) proven(ctx context.Context, op string, from Proven) (fairlead.Deployment, error) {
	st, err := p.Reader.Environment(ctx, from.Environment, from.Service)
	if err != nil {
		return fairlead.Deployment{}, err
	}
	if st.Moving != "" && from.Release == "" {
		return fairlead.Deployment{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("%s is moving it: which release is good there is not decided", st.Moving),
			Hint: "wait for it, or name a release that was good with --release; `fairlead env show " + from.Environment + "` lists them",
		}
	}
	if st.Current == nil && from.Release == "" {
		return fairlead.Deployment{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: errors.New("nothing is live there"),
			Hint: "deliver to " + from.Environment + " first; `fairlead env list` shows what is live where",
		}
	}
	digits := strings.TrimPrefix(from.Release, "sha256:")
	if from.Release == "" {
		digits = st.Current.ID.Hex()
	}
	return p.good(ctx, op, from.Environment, from.Service, digits)
}

// released gives the run of a deployment, which must be of this state
// directory, and its plan.
func (p *Plane) released(ctx context.Context, op string, d fairlead.Deployment) (fairlead.Run, fairlead.Plan, error) {
	if err := p.needOwn(ctx, op, d.RunID); err != nil {
		return fairlead.Run{}, fairlead.Plan{}, err
	}
	run, err := p.Reader.Run(ctx, d.RunID)
	if err != nil {
		return run, fairlead.Plan{}, err
	}
	plan, err := p.Reader.Plan(ctx, run.Plan)
	return run, plan, err
}

// good finds the newest deployment of the one release that was good in a place
// and whose id begins with these digits.
func (p *Plane) good(ctx context.Context, op, environment, service, digits string) (fairlead.Deployment, error) {
	if len(digits) < fewest {
		return fairlead.Deployment{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindInvalid, Err: fmt.Errorf("%q is too short to name a release", digits), Hint: fmt.Sprintf("give at least %d digits of its id", fewest),
		}
	}
	history, err := p.Reader.Deployments(ctx, environment, service, 1000)
	if err != nil {
		return fairlead.Deployment{}, err
	}
	var found []fairlead.Deployment
	for _, d := range history {
		same := func(o fairlead.Deployment) bool { return o.Release.ID == d.Release.ID }
		if d.Phase == fairlead.DeployDone && strings.HasPrefix(d.Release.ID.Hex(), digits) && !slices.ContainsFunc(found, same) {
			found = append(found, d)
		}
	}
	lists := "`fairlead env show " + environment + "` lists what was live"
	switch len(found) {
	case 0:
		return fairlead.Deployment{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindNotFound, Err: fmt.Errorf("no release %q was live there", digits), Hint: lists,
		}
	case 1:
		return found[0], nil
	default:
		return fairlead.Deployment{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindInvalid, Err: fmt.Errorf("several releases begin with %q", digits), Hint: "give more of its id; " + lists,
		}
	}
}

// Revoke takes evidence back, in the name of who: from then on it counts
// nowhere, nor does what other runs have taken over from it. What is live stays
// live. Evidence that was revoked before is KindConflict.
func (p *Plane) Revoke(ctx context.Context, e fairlead.Evidence, who, reason string) (fairlead.Revocation, error) {
	op := "revoke evidence " + e.ID.Short()
	if strings.TrimSpace(reason) == "" {
		return fairlead.Revocation{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindInvalid, Err: errors.New("no reason is given"), Hint: "say with --reason why it does not count any more",
		}
	}
	if err := p.needOwn(ctx, op, e.RunID); err != nil {
		return fairlead.Revocation{}, err
	}
	r := fairlead.Revocation{Evidence: e.ID, RunID: e.RunID, TaskID: e.TaskID, Who: who, Reason: reason, Time: time.Now().UTC()}
	if e.From != "" {
		r.Evidence = e.From
	}
	applied, err := p.Ledger.Commit(ctx, fairlead.Update{
		Records: []fairlead.Record{{
			ID: "evidence/" + string(r.Evidence) + "/revoked", Type: fairlead.RecordEvidenceRevoked, Subject: string(r.Evidence),
			RunID: r.RunID, Time: r.Time, Data: encode(r),
		}},
		Revocations: []fairlead.Revocation{r},
	})
	if err == nil && !applied {
		err = &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: errors.New("it was revoked before"),
			Hint: "`fairlead evidence show " + e.ID.Short() + "` says by whom and why",
		}
	}
	return r, err
}
