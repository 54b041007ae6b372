package fairlead

import (
	"encoding/json"
	"time"
)

// RecordType names a fact; the words are CDEvents' subject and predicate.
type RecordType string

// The record types.
const (
	RecordRunQueued        RecordType = "pipelinerun.queued"
	RecordRunStarted       RecordType = "pipelinerun.started"
	RecordRunFinished      RecordType = "pipelinerun.finished"
	RecordRunInLine        RecordType = "pipelinerun.in_line"    // it waits for others that release to the same environment
	RecordRunSuperseded    RecordType = "pipelinerun.superseded" // a newer run goes instead
	RecordTaskStarted      RecordType = "taskrun.started"
	RecordTaskFinished     RecordType = "taskrun.finished"
	RecordDecision         RecordType = "decision.made"
	RecordDeploymentBegan  RecordType = "deployment.started"
	RecordDeploymentMoved  RecordType = "deployment.shifted"
	RecordDeploymentEnded  RecordType = "deployment.finished"
	RecordVerdict          RecordType = "verdict.given"
	RecordRollbackStarted  RecordType = "rollback.started"
	RecordRollbackFinished RecordType = "rollback.finished"
	RecordServiceDeployed  RecordType = "service.deployed"
	RecordCancelRequested  RecordType = "cancel.requested"
	RecordEvidenceRevoked  RecordType = "evidence.revoked"
	RecordRunWaiting       RecordType = "pipelinerun.waiting"
	RecordRunGoesOn        RecordType = "pipelinerun.resumed"
	RecordApproval         RecordType = "approval.given"
	RecordRejection        RecordType = "approval.rejected"
	RecordFreezeAdded      RecordType = "freeze.added"
	RecordFreezeLifted     RecordType = "freeze.lifted"
	RecordGlassBroken      RecordType = "breakglass.granted"
	RecordGlassUsed        RecordType = "breakglass.used"
	RecordGlassReviewed    RecordType = "breakglass.reviewed"
	RecordFindingsChanged  RecordType = "findings.changed"
	RecordExceptionAsked   RecordType = "exception.requested"
	RecordExceptionGiven   RecordType = "exception.approved"
	RecordReleaseRedecided RecordType = "release.redecided"
	RecordExceptionRevoked RecordType = "exception.revoked"
	RecordReleaseAffected  RecordType = "release.affected" // a vulnerability became known of what takes traffic
	RecordReleaseCleared   RecordType = "release.cleared"  // a vulnerability is no longer said to affect it
)

// Record is an append-only fact. ID is its idempotency key: appending an ID
// that is already there changes nothing, so every fact is recorded once
// however often the step that states it is repeated.
type Record struct {
	Seq     int64           `json:"seq"` // position in the record, given by the store
	ID      string          `json:"id"`
	Type    RecordType      `json:"type"`
	Subject string          `json:"subject"` // the run, task, decision, deployment or verdict
	RunID   string          `json:"run_id"`
	Time    time.Time       `json:"time"`
	Data    json.RawMessage `json:"data,omitempty"`
}

// Update is a set of facts and what they change, applied together or not at
// all. When the first record's ID is already there the whole update was
// applied before and nothing happens. A run that is written as finished leaves
// every line it stands in.
type Update struct {
	Records     []Record
	Run         *Run
	Tasks       []TaskRun
	Decision    *Decision
	Deployment  *Deployment
	Environment *EnvironmentState
	Evidence    []Evidence
	Revocations []Revocation
	Approval    *Approval
	Freeze      *StandingFreeze
	Grant       *Grant
	Findings    []Tracked // each one change ahead of what is kept, or new: KindConflict otherwise
	Exception   *Exception
	Weighed     *Weighed
	Exposures   []Exposure
	Join        []Ticket // all of one run: its places in line. What it has already stays as it is
}
