package fairlead

import "encoding/json"

// Strategy is how a release enters an environment.
type Strategy string

// The strategies, from light to heavy.
const (
	StrategyNone      Strategy = "none"
	StrategyRolling   Strategy = "rolling"
	StrategyCanary    Strategy = "canary"
	StrategyBlueGreen Strategy = "blue-green"
)

// Profile is one row of the matrix: how much is asked for in each column.
// The values are those of the product's table.
type Profile struct {
	Security   string   `json:"security"` // none, basic, full, scan
	Deployment Strategy `json:"deployment"`
	Tests      string   `json:"tests"`      // none, fast, standard, complete, health
	Monitoring string   `json:"monitoring"` // none, basic, standard, full, drift
	Cost       string   `json:"cost"`       // none, tracked, monitored, optimized, analysis
	Compliance string   `json:"compliance"` // none, basic, core, all, audit
}

// Plan is what must be done for one Event: a DAG of tasks, the gates that
// judge their results, and the release that follows. It is immutable; Hash is
// over everything else in it, so two plans with one hash do the same work.
type Plan struct {
	Hash        Digest        `json:"hash"`
	Service     string        `json:"service"`
	Event       Event         `json:"event"`
	Environment string        `json:"environment"`
	Strategy    Strategy      `json:"strategy"`
	Profile     Profile       `json:"profile"`
	Tasks       []Task        `json:"tasks"` // topological order: a task comes after all it needs
	Gates       []Gate        `json:"gates"`
	Release     *ReleasePlan  `json:"release,omitempty"`   // nil when the strategy is none
	Services    []ServicePlan `json:"services,omitempty"`  // of a release of several services: these, in order; Release is nil then
	Lock        Lock          `json:"lock,omitzero"`       // when there is something to release: how the environment is shared
	Promotion   *Promotion    `json:"promotion,omitempty"` // nil when it builds what it releases
	ValidFor    ValidFor      `json:"valid_for"`
	Safeguards  *Safeguards   `json:"safeguards,omitempty"` // nil when no people, freezes or break-glass are configured
	Clock       *Clock        `json:"clock,omitempty"`      // how long findings may stay; nil: DefaultClock
	Reasons     []Reason      `json:"reasons"`
	Inputs      PlanInputs    `json:"inputs"`
}

// ServicePlan is one service of a release that has several.
type ServicePlan struct {
	Name    string      `json:"name"`
	After   []string    `json:"after"` // services that are released before it
	Release ReleasePlan `json:"release"`
}

// Parts gives the plan as each of its services sees it, in the order of
// release: one for every service of a release of several, the plan itself for
// one of one, none when there is nothing to release.
func (p Plan) Parts() []Plan {
	if p.Release != nil {
		return []Plan{p}
	}
	parts := make([]Plan, 0, len(p.Services))
	for _, s := range p.Services {
		part := p
		part.Service, part.Release, part.Services, part.Tasks = s.Name, &s.Release, nil, nil
		if p.Promotion != nil {
			own, _ := p.Promotion.Of(s.Name)
			part.Promotion = &own
		}
		for _, t := range p.Tasks {
			if t.Service == "" || t.Service == s.Name {
				part.Tasks = append(part.Tasks, t)
			}
		}
		parts = append(parts, part)
	}
	return parts
}

// PlanInputs are the digests of what the plan was computed from.
type PlanInputs struct {
	Config Digest `json:"config"` // of fairlead.yaml's bytes; of nothing when there is none
	Policy Digest `json:"policy"` // of the gates in force
	Flow   string `json:"flow"`   // version of the flows that will execute it
}

// Task is one node of the DAG.
type Task struct {
	ID      string          `json:"id"`   // unique in the plan: "unit", "unit[go=1.26]"
	Type    string          `json:"type"` // step type: "test.command"
	Needs   []string        `json:"needs"`
	Config  json.RawMessage `json:"config"`           // the step type's config, complete with defaults
	Matrix  json.RawMessage `json:"matrix,omitempty"` // this task's cell: object of string values
	Env     []string        `json:"env,omitempty"`    // names of variables the command may see
	Reads   []string        `json:"reads,omitempty"`  // globs of what the task reads; empty: the whole tree
	Timeout Duration        `json:"timeout"`
	Retries int             `json:"retries"` // further attempts when a failure's kind is retryable
	Phase   Phase           `json:"phase"`
	Slow    bool            `json:"slow,omitempty"`    // a test suite above the level fast: break-glass may skip it, and nothing else
	Service string          `json:"service,omitempty"` // of a preview task, in a release of several services: the one it checks
	Reason  string          `json:"reason"`            // why the task is in the plan
}

// Phase says when a task runs relative to the release.
type Phase string

// The phases of a task.
const (
	PhaseVerify  Phase = "verify"  // before the decision
	PhasePreview Phase = "preview" // against the new release before it takes traffic
)

// Gate is one rule of the decision. Rule is a CEL condition that holds when
// the change may pass.
type Gate struct {
	Name    string  `json:"name"`
	Rule    string  `json:"rule"`    // CEL, bool
	Outcome Outcome `json:"outcome"` // deny or warn: what follows when Rule does not hold
	Reason  string  `json:"reason"`  // said when Rule does not hold
	Fix     string  `json:"fix"`     // what to do then
	About   string  `json:"about"`   // findings | cases | tasks: what the decision lists beside it
	Source  string  `json:"source"`  // "matrix: security=full" or "fairlead.yaml:12:3"
}

// ReleasePlan is how the release is to be made.
type ReleasePlan struct {
	Target    string            `json:"target"`        // target type: "process"
	Config    json.RawMessage   `json:"config"`        // the target's config, complete with defaults
	Artifacts []string          `json:"artifacts"`     // names of the artifacts that make up the release
	Command   []string          `json:"command"`       // how one replica is started, from the target's config
	Env       map[string]string `json:"env,omitempty"` // what a replica sees, from the target's config
	Replicas  int               `json:"replicas"`
	Steps     []Stage           `json:"steps"` // canary stages; one stage of 100 for the others
	Bake      Duration          `json:"bake"`
	KeepOld   Duration          `json:"keep_old"` // blue-green: how long the old release is kept running
	Judge     JudgePolicy       `json:"judge"`
	Metrics   *MetricsServer    `json:"metrics,omitempty"` // for metrics that the target does not count itself
	Deadline  Duration          `json:"deadline"`          // a release not done by then is rolled back
	Ready     Duration          `json:"ready"`             // a release not ready by then is rolled back
}

// Stage is one step of traffic.
type Stage struct {
	Weight int      `json:"weight"` // percent of traffic for the new release, 1..100
	For    Duration `json:"for"`
}

// JudgePolicy says how a release is judged while it takes traffic. The judge
// answers for each metric: worse, not worse by more than the margin, or
// undecided; both claims hold at every look, for the whole analysis.
type JudgePolicy struct {
	FalseAlarm float64        `json:"false_alarm,omitempty"` // how many healthy releases may be called worse, over all metrics and looks; 0 = 0.01
	FalsePass  float64        `json:"false_pass,omitempty"`  // how many releases at the margin may be called not worse; 0 = 0.05
	Tolerance  float64        `json:"tolerance,omitempty"`   // relative increase that is never worse: replicas differ by that much
	Margin     float64        `json:"margin,omitempty"`      // relative increase that not_worse rules out, 1 = twice as bad; 0 = 1
	Negligible float64        `json:"negligible,omitempty"`  // share of bad events that is not worse whatever the baseline's, 0..1; 0 = none is
	Horizon    Duration       `json:"horizon,omitempty"`     // how long the whole analysis is planned to take; 0 = 1h
	WarmUp     Duration       `json:"warm_up,omitempty"`     // time at the beginning that is not judged, but for floor and restarts
	Metrics    []MetricPolicy `json:"metrics,omitempty"`     // none = errors, critical, and latency

	ErrorFloor float64  `json:"error_floor"` // error rate that is worse at once, whatever the baseline
	Undecided  string   `json:"undecided"`   // hold | ask | promote | rollback, where an answer is due and there is none
	Hold       Duration `json:"hold"`        // how much longer hold waits before it rolls back
}

// MetricKind says what a metric counts.
type MetricKind string

// The kinds of metric.
const (
	MetricErrors    MetricKind = "errors"    // errors among the requests that the target counts itself
	MetricLatency   MetricKind = "latency"   // the latency histogram that the target counts itself
	MetricCounts    MetricKind = "counts"    // bad events among all, from another source
	MetricHistogram MetricKind = "histogram" // a histogram from another source, high is bad
)

// MetricPolicy is one thing that a release is judged by.
type MetricPolicy struct {
	Name       string     `json:"name"` // unique in the policy: "errors", "latency", "checkout-failures"
	Kind       MetricKind `json:"kind"`
	Margin     float64    `json:"margin,omitempty"`     // relative; 0 = the policy's
	Weight     float64    `json:"weight,omitempty"`     // of the false alarms allowed; 0 = 1
	Critical   bool       `json:"critical,omitempty"`   // critical ones share nine tenths of the false alarms
	Split      bool       `json:"split,omitempty"`      // its total is what shows how traffic is divided; of one metric at most
	Thresholds []float64  `json:"thresholds,omitempty"` // upper bounds that slow means, in the histogram's unit; none = p50, p90, p99

	// Expressions for a metrics server, for counts and histogram. {{service}},
	// {{environment}}, {{release}} (64 hex digits), {{tag}} (the first ten of
	// them) and {{arm}} (baseline or canary) stand for what they say, so that each
	// gives a pair.
	Bad     string `json:"bad,omitempty"`     // counters of bad events
	Total   string `json:"total,omitempty"`   // counters of all events
	Buckets string `json:"buckets,omitempty"` // counters of a histogram's buckets
}

// Reason explains one choice of the plan.
type Reason struct {
	Subject string `json:"subject"` // "environment", "strategy", "task unit", "gate tests-pass"
	Choice  string `json:"choice"`
	Source  string `json:"source"` // matrix | route | config | default | detected | event
	Detail  string `json:"detail"` // for people: "push to main" or "fairlead.yaml:12:3"
}
