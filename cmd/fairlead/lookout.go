package main

import (
	"context"
	"time"

	"fairlead.dev"
	"fairlead.dev/evidence"
	"fairlead.dev/exposure"
	"fairlead.dev/store"
	"fairlead.dev/vulndb"
)

// lookout knows what running releases are made of, and what is known about it.
type lookout struct {
	db    *store.Store
	trust evidence.Trust
	file  string // of the database of vulnerabilities
}

// evaluator looks at what runs by a database, nil for none.
func (l lookout) evaluator(ctx context.Context, known *vulndb.DB) (*exposure.Evaluator, error) {
	e := &exposure.Evaluator{Index: l.db, Documents: l, Now: time.Now().UTC(), Clock: l.clock}
	if known == nil {
		return e, nil
	}
	state, err := known.State(ctx)
	e.Advisories, e.Database = known, state.Digest
	return e, err
}

// Arrived finds out what is known of the release that takes the traffic of an
// environment now. As long as there is no database nothing is known: the first
// import looks.
func (l lookout) Arrived(ctx context.Context, environment, service string) error {
	e, _ := l.evaluator(ctx, nil)
	st, err := l.db.Environment(ctx, environment, service)
	if err != nil || st.Current == nil {
		return err
	}
	entered, err := e.Enter(ctx, st)
	if err != nil {
		return err
	}
	// The inventory is there before the database is opened. So an import either
	// came before, and is known here, or finds the release itself; and one that
	// comes while it is looked at makes it be looked at again.
	for {
		looked, err := l.look(ctx, entered)
		if err != nil {
			return err
		}
		if current, err := l.digest(ctx); err != nil || current == looked {
			return err
		}
	}
}

// look looks at a release by the database as it is, and gives its digest; ""
// when there is none.
func (l lookout) look(ctx context.Context, entered exposure.Entered) (fairlead.Digest, error) {
	known, err := vulndb.Open(ctx, l.file)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = known.Close() }()
	e, err := l.evaluator(ctx, known)
	if err != nil {
		return "", err
	}
	_, err = e.Look(ctx, entered)
	return e.Database, err
}

func (l lookout) digest(ctx context.Context) (fairlead.Digest, error) {
	_, digest, err := advisories(l.file)(ctx)
	return digest, err
}

// Documents gives the bills of materials that the run behind the release in an
// environment signed. Evidence that does not verify is none.
func (l lookout) Documents(ctx context.Context, s fairlead.EnvironmentState) ([][]byte, error) {
	dep, err := l.deployment(ctx, s)
	if err != nil || dep == nil {
		return nil, err
	}
	all, err := l.db.EvidenceOf(ctx, dep.RunID)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	for _, e := range all {
		if e.PredicateType != fairlead.PredicateSBOM {
			continue
		}
		if s, err := l.trust.Verify(e); err == nil {
			out = append(out, s.Predicate)
		}
	}
	return out, nil
}

// deployment gives the one that brought the release in an environment: not
// always the last, which may have been refused or rolled back. nil when it is
// not among those that are looked at.
func (l lookout) deployment(ctx context.Context, s fairlead.EnvironmentState) (*fairlead.Deployment, error) {
	const most = 1000
	all, err := l.db.Deployments(ctx, s.Environment, s.Service, most) // newest first
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Release.ID == s.Current.ID {
			return &all[i], nil
		}
	}
	return nil, nil
}

// clock gives how long findings of an environment may stay, by the plan of what
// was last released there.
func (l lookout) clock(ctx context.Context, environment, service string) (fairlead.Clock, error) {
	plan, err := l.plan(ctx, environment, service)
	if err != nil && fairlead.KindOf(err) != fairlead.KindNotFound {
		return fairlead.Clock{}, err
	}
	if plan.Clock != nil {
		return *plan.Clock, nil
	}
	return fairlead.DefaultClock(), nil
}

func (l lookout) plan(ctx context.Context, environment, service string) (fairlead.Plan, error) {
	st, err := l.db.Environment(ctx, environment, service)
	if err != nil {
		return fairlead.Plan{}, err
	}
	dep, err := l.db.Deployment(ctx, st.Deployment)
	if err != nil {
		return fairlead.Plan{}, err
	}
	run, err := l.db.Run(ctx, dep.RunID)
	if err != nil {
		return fairlead.Plan{}, err
	}
	return l.db.Plan(ctx, run.Plan)
}
