package cli

import (
	"context"
	"time"

	"fairlead.dev"
)

// App is what the commands ask for. The wiring provides it; every part is
// opened only by the commands that need it.
type App struct {
	Version string
	Planner func(Settings) Planner
	Config  func(Settings) ConfigTools
	Records func(context.Context, Settings) (Records, error)
	Control func(context.Context, Settings) (Control, error)
	Doctor  func(context.Context, Settings) ([]Tool, error)
	// Access shows the least that a target of the type must be allowed to do, for
	// one environment or all.
	Access func(ctx context.Context, s Settings, typ, environment string) (View, error)
	Agent  func(Settings) AgentTools
	// Scanner runs scanners by hand.
	Scanner func(Settings) Scanner
	// Fixer mends manifests.
	Fixer func(Settings) Fixer
	// Traffic says what a policy needs for its answers; nil when that is not known.
	Traffic func(fairlead.JudgePolicy) Traffic
	Replay  func(ReplayQuery) (Replayed, error)
	Kinds   []Kind
	// Vulnerabilities is the database of known ones.
	Vulnerabilities func(Settings) Vulnerabilities
	// Bills makes bills of materials.
	Bills    func(Settings) Bills
	Findings func(context.Context, Settings) (Findings, error)
	Gates    func(Settings) Gates
}

// PlanQuery says what to plan for. Empty fields mean the obvious: HEAD, the
// branch that is checked out, a push.
type PlanQuery struct {
	Event, Branch, Commit, Tag string
	Environment, Strategy      string
	Strict                     bool // refuse a work tree with uncommitted changes
}

// Planner turns the repository into a plan.
type Planner interface {
	Plan(ctx context.Context, q PlanQuery) (fairlead.Plan, []string, error)
}

// ConfigTools are the commands about the configuration.
type ConfigTools interface {
	Lint(ctx context.Context, file string) error
	Schema() ([]byte, error)
	Explain(key string) (string, any, error) // as text and as data
}

// Control starts and steers runs. It is closed after use.
type Control interface {
	Steering
	People
	Exceptions
	Executor
	Close()
}

// Steering changes the course of runs.
type Steering interface {
	Cancel(ctx context.Context, runID, reason string) (fairlead.Run, error)
	Retry(ctx context.Context, runID string) (string, error)
	// Rollback returns when all traffic is back; a rollback that needs a person is an error.
	Rollback(ctx context.Context, q RollbackQuery) (RolledBack, error)
	// Promote starts the run that promotes, unless q only asks what it would do.
	Promote(ctx context.Context, q PromoteQuery) (Promoted, error)
	// Revoke takes evidence back, named by its id or the beginning of it.
	Revoke(ctx context.Context, id, reason string) (fairlead.Revocation, error)
}

// PromoteQuery says what to promote.
type PromoteQuery struct {
	From, To string // environments
	Service  string // "" = the repository's own
	Release  string // release id or the beginning of it; "" = what is live in From
	DryRun   bool
}

// Promoted is what a promotion does about everything that To asks for.
type Promoted struct {
	RunID     string             `json:"run_id,omitempty"` // "" when nothing was started
	Service   string             `json:"service"`
	From      string             `json:"from"`
	To        string             `json:"to"`
	Commit    string             `json:"commit"`
	Release   fairlead.Digest    `json:"release"`            // as it will be in To; "" of several services
	Releases  []fairlead.Digest  `json:"releases,omitempty"` // of several services, in order
	Promotion fairlead.Promotion `json:"promotion"`
	Live      bool               `json:"live"` // it takes the traffic in To already: there is nothing to do
	Tasks     []Asked            `json:"tasks"`
	Notes     []string           `json:"notes,omitempty"` // whom it would wait for, and which freeze
}

// Asked is what a promotion does about one task.
type Asked struct {
	Task     string            `json:"task"`
	Reused   bool              `json:"reused"`
	Run      string            `json:"run,omitempty"`      // that proved it
	Evidence []fairlead.Digest `json:"evidence,omitempty"` // that it rests on
	ProvenAt time.Time         `json:"proven_at,omitzero"`
	Until    time.Time         `json:"until,omitzero"`   // when that expires
	Why      string            `json:"why,omitempty"`    // why it is asked for again
	Blocks   bool              `json:"blocks,omitempty"` // without it nothing can be promoted
}

// RollbackQuery says what to roll back.
type RollbackQuery struct {
	Environment string
	Service     string // "" = the repository's own
	To          string // release id or the beginning of it; "" = the one before the current
	Reason      string
	Began       func(runID string) // told the run before anything moves; may be nil
}

// RolledBack is a rollback that is done.
type RolledBack struct {
	RunID  string `json:"run_id"` // run under which it is recorded
	Reason string `json:"reason"`
}

// Executor runs things in this process.
type Executor interface {
	Start(ctx context.Context, p fairlead.Plan) (string, error)
	Wait(ctx context.Context, runID string) (fairlead.Run, error)
	// Resume takes over runs whose process died: all, or the one named.
	Resume(ctx context.Context, runID string) ([]string, error)
	// Serve takes over runs of processes that die, until ctx ends.
	Serve(ctx context.Context, onTakeover func(runID string)) error
	// Trouble tells what keeps this process from recording; it is closed never.
	Trouble() <-chan error
}

// Records reads what happened. It is closed after use.
type Records interface {
	History
	Views
	PeopleViews
	Close()
}

// History is the raw record.
type History interface {
	WaitingRuns(ctx context.Context) ([]string, error)                    // ids of the runs that wait
	FindRun(ctx context.Context, idOrPrefix string) (fairlead.Run, error) // "" = the newest
	Tasks(ctx context.Context, runID string) ([]fairlead.TaskRun, error)
	Events(ctx context.Context, runID string, after int64) ([]fairlead.Record, error)
	Output(ctx context.Context, runID, taskID string, after int64) ([]fairlead.OutputChunk, error)
}

// Views are the read models, as lines for people and as data.
type Views interface {
	Status(ctx context.Context) (View, error)
	Why(ctx context.Context, id string) (View, error)
	Environments(ctx context.Context) (View, error)
	Environment(ctx context.Context, name string) (View, error)
	Sentence(r fairlead.Record) string
	// Waiting says what a run waits for in line now; "" when for nothing.
	Waiting(ctx context.Context, runID string) (string, error)
	// Address is where what a run released is reached; "" when nothing is.
	Address(ctx context.Context, run fairlead.Run) string
	// Evidence lists what a run left, and EvidenceShow one piece of it.
	Evidence(ctx context.Context, run fairlead.Run) (View, error)
	EvidenceShow(ctx context.Context, id string) (View, error)
	ReplicaLog(ctx context.Context, environment string) ([]string, error)
}

// View is an answer as lines and as data.
type View struct {
	Lines []string
	Data  any
}

// Tool is one program that doctor looked for.
type Tool struct {
	Name     string `json:"name"`
	Wanted   string `json:"wanted"`
	Found    string `json:"found,omitempty"` // version; "" when missing
	Required bool   `json:"required"`        // by this configuration
	For      string `json:"for"`
	OK       bool   `json:"ok"`
	Hint     string `json:"hint,omitempty"`
}

// Kind is a step or target type for explain.
type Kind struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Doc   string `json:"doc"`
	Sort  string `json:"sort"` // "step" or "target"
}
