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
	Release              string // its id or the beginning of it; "" = what is live there
}

// Origin finds what a promotion releases, and the plan that released it before.
// Nothing live, or an environment that is moving when no release is named, is
// KindConflict: what is on its way is not proven.
func (p *Plane) Origin(ctx context.Context, from Proven) (fairlead.Promotion, fairlead.Plan, error) {
	op := fmt.Sprintf("promote %s from %s", from.Service, from.Environment)
	st, err := p.Reader.Environment(ctx, from.Environment, from.Service)
	if err != nil {
		return fairlead.Promotion{}, fairlead.Plan{}, err
	}
	if st.Moving != "" && from.Release == "" {
		return fairlead.Promotion{}, fairlead.Plan{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("%s is moving it: which release is good there is not decided", st.Moving),
			Hint: "wait for it, or name a release that was good with --release; `fairlead env show " + from.Environment + "` lists them",
		}
	}
	if st.Current == nil && from.Release == "" {
		return fairlead.Promotion{}, fairlead.Plan{}, &fairlead.Problem{
			Op: op, Kind: fairlead.KindConflict, Err: errors.New("nothing is live there"),
			Hint: "deliver to " + from.Environment + " first; `fairlead env list` shows what is live where",
		}
	}
	digits := strings.TrimPrefix(from.Release, "sha256:")
	if from.Release == "" {
		digits = st.Current.ID.Hex()
	}
	d, err := p.good(ctx, op, from.Environment, from.Service, digits)
	if err != nil {
		return fairlead.Promotion{}, fairlead.Plan{}, err
	}
	if err := p.needOwn(ctx, op, d.RunID); err != nil {
		return fairlead.Promotion{}, fairlead.Plan{}, err
	}
	run, err := p.Reader.Run(ctx, d.RunID)
	if err != nil {
		return fairlead.Promotion{}, fairlead.Plan{}, err
	}
	plan, err := p.Reader.Plan(ctx, run.Plan)
	return fairlead.Promotion{
		From: from.Environment, Run: run.ID, Release: d.Release.ID, Artifacts: slices.Clone(d.Release.Artifacts),
	}, plan, err
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
