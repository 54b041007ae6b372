// Package flow executes plans: durable flows for delivery, rollout and
// rollback. It decides the order of things and nothing else: time, waiting and
// checkpoints come from the engine, work and effects from the parts it is
// given. Every effect is idempotent by id, so a flow that is resumed after a
// crash repeats nothing that was recorded.
package flow

import (
	"context"
	"encoding/json"
	"time"

	"fairlead.dev"
	"fairlead.dev/engine"
	"fairlead.dev/target"
)

// Version names the flows' shape. It is part of every plan and it, not the
// binary, decides which runs a process can resume. Change it only when a flow
// changes in a way that [engine.Flow.Patch] cannot bridge.
const Version = "3"

// Names under which the flows are registered with the engine.
const (
	NameDelivery = "delivery"
	NameRollout  = "rollout"
	NameRollback = "rollback"
	NameConclude = "conclude" // the end of a rollout that is one of several
	NameTogether = "together" // the rollback of several services
)

// Ledger is where facts are written.
type Ledger interface {
	// Commit applies an update once; false means it had been applied before.
	Commit(ctx context.Context, u fairlead.Update) (bool, error)
	// ClaimEnvironment makes holder the one that may move the environment.
	ClaimEnvironment(ctx context.Context, environment, service, holder, replaces string) (fairlead.EnvironmentState, error)
}

// Reader is where facts are read back.
type Reader interface {
	Run(ctx context.Context, id string) (fairlead.Run, error)
	Tasks(ctx context.Context, runID string) ([]fairlead.TaskRun, error)
	Task(ctx context.Context, runID, taskID string) (fairlead.TaskRun, error)
}

// Situation is what may change under a flow's feet.
type Situation interface {
	Deployment(ctx context.Context, id string) (fairlead.Deployment, error)
	Environment(ctx context.Context, environment, service string) (fairlead.EnvironmentState, error)
	CancelRequested(ctx context.Context, runID string) (bool, error)
}

// Looks is where what was seen of a deployment is kept, look by look.
type Looks interface {
	// AddLook keeps the look seq, which counts from 1, with where the counters
	// stood; false means that it was kept before, and nothing changes.
	AddLook(ctx context.Context, deployment string, seq int, look, cursor []byte) (bool, error)
	// Looks gives all looks in order, and the last cursor; nil before the first.
	Looks(ctx context.Context, deployment string) (looks [][]byte, cursor []byte, err error)
}

// Archive is where evidence is read back.
type Archive interface {
	EvidenceOf(ctx context.Context, runID string) ([]fairlead.Evidence, error)
	// Revocations gives those of the evidence named, none for the rest.
	Revocations(ctx context.Context, ids ...fairlead.Digest) ([]fairlead.Revocation, error)
}

// Followed is where findings over time, and what excuses them, are read back.
type Followed interface {
	Findings(ctx context.Context, f fairlead.TrackedFilter) ([]fairlead.Tracked, error)
	// Exceptions gives those of a service, oldest first, the revoked ones with all.
	Exceptions(ctx context.Context, service string, all bool) ([]fairlead.Exception, error)
	// Weighed gives what a decision weighed; KindNotFound when it weighed no findings.
	Weighed(ctx context.Context, decision string) (fairlead.Weighed, error)
}

// Arrivals are told which releases take traffic.
type Arrivals interface {
	// Arrived finds out what is known of the release that takes the traffic of an
	// environment now. Called twice, it does nothing the second time.
	Arrived(ctx context.Context, environment, service string) error
}

// Worker does the work of one task.
type Worker interface {
	// Execute does the task, all attempts included. The error is for work that
	// was interrupted and has to be repeated; everything else is in the TaskRun.
	Execute(ctx context.Context, o Order) (fairlead.TaskRun, []fairlead.Evidence, error)
}

// Signer signs decisions.
type Signer interface {
	SignDecision(ctx context.Context, d fairlead.Decision, releases []fairlead.Release) (fairlead.Evidence, error)
}

// Order asks a worker for one task.
type Order struct {
	RunID    string
	RetryOf  string // run whose successful results may be taken over as they are
	Plan     fairlead.Plan
	Task     fairlead.Task
	Needs    []fairlead.TaskRun // results of the tasks it needs
	Endpoint string             // of the release to check, for tasks of the preview phase
}

// Parts is everything the flows use.
type Parts struct {
	Ledger    Ledger
	Reader    Reader
	Situation Situation
	Archive   Archive
	Line      Line
	Worker    Worker
	Signer    Signer
	Desk      Desk
	Followed  Followed // nil: findings are not followed, and count as they are
	Arrivals  Arrivals // nil: nobody is told
	// Organisation gives the organisation's policy in force; nil: there is none.
	// When it cannot be read nothing passes.
	Organisation func(ctx context.Context) ([]fairlead.PolicyModule, error)
	Target       func(typ string) (target.Target, error)
	Looks        Looks
	Metrics      func(fairlead.MetricsServer) (Metrics, error) // nil when no plan has one
	Content      target.Content
	Rescue       func(ctx context.Context, runID string) error // sees to a run that others wait for, should its process be dead; nil: nobody does
	Trouble      func(error)                                   // told each time a step has to wait for something that is out of reach; must not block
	Tick         time.Duration                                 // how often a moving release is looked at; 0 means 250 ms
	Patience     time.Duration                                 // how long a process tries to roll back before it asks for a person, ten times at least; 0 means 5 min
}

type flows struct{ Parts }

// Register makes the flows known to the engine. Call it before the engine is launched.
func Register(e *engine.Engine, p Parts) {
	if p.Tick <= 0 {
		p.Tick = 250 * time.Millisecond
	}
	if p.Patience <= 0 {
		p.Patience = 5 * time.Minute
	}
	if p.Rescue == nil {
		p.Rescue = func(context.Context, string) error { return nil }
	}
	f := &flows{p}
	engine.Register(e, NameDelivery, f.delivery)
	engine.Register(e, NameRollout, f.rollout)
	engine.Register(e, NameRollback, f.rollback)
	engine.Register(e, NameConclude, f.conclusion)
	engine.Register(e, NameTogether, f.rollbackTogether)
}

// record makes one record. data is encoded as JSON; a value without JSON
// encoding is a defect and panics.
func record(id string, typ fairlead.RecordType, subject, runID string, at time.Time, data any) fairlead.Record {
	raw, err := json.Marshal(data)
	if err != nil {
		panic("flow: record " + id + ": " + err.Error())
	}
	return fairlead.Record{ID: id, Type: typ, Subject: subject, RunID: runID, Time: at, Data: raw}
}
