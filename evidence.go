package fairlead

import (
	"encoding/json"
	"time"
)

// Predicate types of the statements Fairlead makes itself. Standards' own
// types are used where there is one.
const (
	PredicateBuild    = "https://" + Host + "/build/v1"
	PredicateTest     = "https://in-toto.io/attestation/test-result/v0.1"
	PredicateScan     = "https://" + Host + "/scan/v1"
	PredicateSBOM     = "https://cyclonedx.org/bom"
	PredicateDecision = "https://" + Host + "/decision/v1"
)

// Subject is what a statement is about.
type Subject struct {
	Name   string `json:"name"`
	Digest Digest `json:"digest"`
}

// Claim is what a task wants to have attested: a predicate without subject or
// signature. Without subjects it is about the run's commit.
type Claim struct {
	PredicateType string          `json:"predicate_type"`
	Subjects      []Subject       `json:"subjects,omitempty"`
	Predicate     json.RawMessage `json:"predicate"`
	From          Digest          `json:"from,omitempty"` // of a claim that repeats evidence: the original's Evidence.ID
}

// Evidence is a signed statement about artifacts: an in-toto Statement in a
// DSSE envelope. ID is the digest of the envelope's bytes. Time is when what it
// states was proven: evidence that repeats earlier evidence keeps its time.
type Evidence struct {
	ID            Digest          `json:"id"`
	RunID         string          `json:"run_id"`
	TaskID        string          `json:"task_id,omitempty"`
	PredicateType string          `json:"predicate_type"`
	Subjects      []Subject       `json:"subjects"`
	From          Digest          `json:"from,omitempty"` // the evidence it repeats: the original's ID
	KeyID         string          `json:"key_id"`
	Envelope      json.RawMessage `json:"envelope"`
	Time          time.Time       `json:"time"`
}
