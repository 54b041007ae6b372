package fairlead

import "time"

// State says where a run or a task is on its way. The words are those of the
// OpenTelemetry CI/CD conventions.
type State string

// The states. A run in StateFinished never changes again.
const (
	StatePending    State = "pending"
	StateExecuting  State = "executing"
	StateFinalizing State = "finalizing" // a run that releases, bakes or rolls back
	StateFinished   State = "finished"
)

// Result says how a run or a task ended.
type Result string

// The results.
const (
	ResultSuccess      Result = "success"
	ResultFailure      Result = "failure"      // the work was done and did not pass
	ResultError        Result = "error"        // the work could not be done
	ResultTimeout      Result = "timeout"      // the work did not end within its limit
	ResultCancellation Result = "cancellation" // somebody asked for it to stop
	ResultSkip         Result = "skip"         // not needed, or what it needs did not succeed
)

// Run is one execution of a Plan.
type Run struct {
	ID          string     `json:"id"`
	Plan        Digest     `json:"plan"`
	Service     string     `json:"service"`
	Environment string     `json:"environment"`
	Strategy    Strategy   `json:"strategy"`
	Commit      string     `json:"commit"`
	Branch      string     `json:"branch,omitempty"`
	Trigger     string     `json:"trigger,omitempty"`
	RetryOf     string     `json:"retry_of,omitempty"`      // the run this one continues
	Superseded  string     `json:"superseded_by,omitempty"` // the run that released instead of this one
	Promotion   *Promotion `json:"promotion,omitempty"`     // what it releases without building it
	State       State      `json:"state"`
	Result      Result     `json:"result,omitempty"`
	Reason      string     `json:"reason,omitempty"` // one sentence: why it ended so
	Fault       *Fault     `json:"fault,omitempty"`
	Waiting     *Waiting   `json:"waiting,omitempty"`     // for a person, or for a freeze to end
	BreakGlass  []string   `json:"break_glass,omitempty"` // Grant.ID of what it went past something with
	Decision    string     `json:"decision,omitempty"`    // Decision.ID
	Deployment  string     `json:"deployment,omitempty"`  // Deployment.ID; of several services that of the first
	Deployments []string   `json:"deployments,omitempty"` // of several services: all of them, in the order of release
	StartedAt   time.Time  `json:"started_at"`
	FinishedAt  time.Time  `json:"finished_at,omitzero"`
}

// TaskRun is one execution of a Task within a Run, over all its attempts.
type TaskRun struct {
	RunID        string        `json:"run_id"`
	ID           string        `json:"id"` // Task.ID
	Type         string        `json:"type"`
	State        State         `json:"state"`
	Result       Result        `json:"result,omitempty"`
	Reason       string        `json:"reason,omitempty"`
	Bypassed     string        `json:"bypassed,omitempty"` // Grant.ID with which it was skipped; what needs it goes on
	Fault        *Fault        `json:"fault,omitempty"`
	Attempts     int           `json:"attempts"`
	ReusedFrom   string        `json:"reused_from,omitempty"` // the run whose result was reused
	ProvenAt     time.Time     `json:"proven_at,omitzero"`    // of a reused result: when the work was done
	Again        string        `json:"again,omitempty"`       // why an earlier result did not count
	Key          Digest        `json:"key,omitempty"`         // over everything the task reads
	Artifacts    []Artifact    `json:"artifacts,omitempty"`
	Cases        []TestCase    `json:"cases,omitempty"`
	Findings     []Finding     `json:"findings,omitempty"`
	Measurements []Measurement `json:"measurements,omitempty"`
	Engine       string        `json:"engine,omitempty"`     // version of what did the work, as its step type says
	Partial      bool          `json:"partial,omitempty"`    // it looked at a part only: what it did not find may still be there
	Missed       []string      `json:"missed,omitempty"`     // of a partial one: all that it did not look at; a folder ends in a slash. None: not known
	Advisories   *Advisories   `json:"advisories,omitempty"` // the database of vulnerabilities it used
	Evidence     []Digest      `json:"evidence,omitempty"`   // Evidence.ID of what it left
	StartedAt    time.Time     `json:"started_at"`
	FinishedAt   time.Time     `json:"finished_at,omitzero"`
}

// Succeeded tells whether tasks that need this one may start.
func (t TaskRun) Succeeded() bool { return t.Result == ResultSuccess }
