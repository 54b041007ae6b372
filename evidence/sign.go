package evidence

import (
	"context"
	"errors"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/intoto"
)

// Sign makes evidence of a claim that a task of a run makes; taskID is empty
// when the run itself does. at is when it was proven, which the signature covers
// too. Ed25519 is deterministic: signing a claim of one time again gives the
// same ID. A claim without subjects is KindInvalid: see [About].
func (s *Signer) Sign(ctx context.Context, runID, taskID string, c fairlead.Claim, at time.Time) (fairlead.Evidence, error) {
	if len(c.Subjects) == 0 {
		return fairlead.Evidence{}, signProblem(errors.New("the claim has no subject"))
	}
	subjects, err := toStandard(c, runID, taskID, at)
	if err != nil {
		return fairlead.Evidence{}, signProblem(err)
	}
	envelope, err := intoto.Seal(ctx, intoto.Statement{
		Subject: subjects, PredicateType: c.PredicateType, Predicate: c.Predicate,
	}, s.key)
	if err != nil {
		return fairlead.Evidence{}, signProblem(err)
	}
	return fairlead.Evidence{
		ID:            fairlead.DigestBytes(envelope),
		RunID:         runID,
		TaskID:        taskID,
		PredicateType: c.PredicateType,
		Subjects:      c.Subjects,
		From:          c.From,
		KeyID:         s.key.ID,
		Envelope:      envelope,
		Time:          at.UTC(),
	}, nil
}

func signProblem(err error) error {
	return &fairlead.Problem{Op: "sign evidence", Kind: fairlead.KindInvalid, Err: err}
}
