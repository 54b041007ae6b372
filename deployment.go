package fairlead

import (
	"encoding/json"
	"time"
)

// Release is what enters an environment: artifacts, how to start them, and the
// target's configuration they run with, all decided upon and signed as one. ID
// is the digest of all other fields, so an equal release is the same one, and
// going back to a release is going back to everything about it.
type Release struct {
	ID        Digest            `json:"id"`
	Service   string            `json:"service"`
	Commit    string            `json:"commit"`
	Artifacts []Artifact        `json:"artifacts"`
	Command   []string          `json:"command"`
	Env       map[string]string `json:"env,omitempty"`
	Target    string            `json:"target,omitempty"`   // target type
	Config    json.RawMessage   `json:"config,omitempty"`   // the target type's config, complete with defaults
	Replicas  int               `json:"replicas,omitempty"` // at full strength
}

// Identify gives the release with its ID set.
func (r Release) Identify() Release {
	r.ID = ""
	r.ID = DigestJSON(r)
	return r
}

// DeployPhase says where a deployment is on its way.
type DeployPhase string

// The phases of a deployment. Rollback is reachable from every phase before done.
const (
	DeployPrepare     DeployPhase = "prepare"
	DeployShift       DeployPhase = "shift"
	DeployBake        DeployPhase = "bake"
	DeployDone        DeployPhase = "done"
	DeployRollingBack DeployPhase = "rolling_back"
	DeployRolledBack  DeployPhase = "rolled_back"
	DeployRefused     DeployPhase = "refused" // the target did not take the release; traffic was not touched
	DeployFailed      DeployPhase = "failed"  // rolling back was not possible: a person is needed
)

// Deployment is a release entering an environment, by stages.
type Deployment struct {
	ID          string        `json:"id"` // "<run>/deployment"
	RunID       string        `json:"run_id"`
	Service     string        `json:"service"`
	Environment string        `json:"environment"`
	Strategy    Strategy      `json:"strategy"`
	Release     Release       `json:"release"`
	Promotion   *Promotion    `json:"promotion,omitempty"` // where the release was before
	Previous    *Release      `json:"previous,omitempty"`  // last known good when it began
	Phase       DeployPhase   `json:"phase"`
	Fence       int64         `json:"fence"` // grows with every deployment of the environment
	Weights     []WeightPoint `json:"weights"`
	Verdicts    []Verdict     `json:"verdicts"`
	Reason      string        `json:"reason,omitempty"`
	StartedAt   time.Time     `json:"started_at"`
	FinishedAt  time.Time     `json:"finished_at,omitzero"`
}

// WeightPoint is one change of traffic.
type WeightPoint struct {
	Time   time.Time `json:"time"`
	Weight int       `json:"weight"` // percent for the new release
	// What was seen of it, where the target only knows what it has asked for:
	// "measured: 19.6% of 412 requests", or why it was not measured.
	Split string `json:"split,omitempty"`
}

// EnvironmentState is what is live in one environment for one service.
type EnvironmentState struct {
	Environment string    `json:"environment"`
	Service     string    `json:"service"`
	Current     *Release  `json:"current,omitempty"`    // takes the traffic
	Previous    *Release  `json:"previous,omitempty"`   // known good before Current
	Deployment  string    `json:"deployment,omitempty"` // the last one
	Moving      string    `json:"moving,omitempty"`     // deployment in progress, holder of the environment
	Fence       int64     `json:"fence"`                // highest fence given out
	UpdatedAt   time.Time `json:"updated_at"`
}
