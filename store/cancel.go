package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fairlead.dev"
)

// Cancellation is the data of a cancel.requested record.
type Cancellation struct {
	Who    string `json:"who"`
	Reason string `json:"reason,omitempty"`
}

// RequestCancel asks a run to stop and records who asked. Asking again changes
// nothing. A run that has not been recorded yet can be cancelled, so that a
// request at its very start is not lost; one that is finished cannot
// (KindConflict).
func (s *Store) RequestCancel(ctx context.Context, runID, who, reason string) error {
	const op = "cancel run"
	data, err := json.Marshal(Cancellation{Who: who, Reason: reason})
	if err != nil {
		return s.problem(op, err)
	}
	return s.write(ctx, op, func(t *tx) error {
		record := fairlead.Record{
			ID: runID + "/cancel", Type: fairlead.RecordCancelRequested, Subject: runID, RunID: runID,
			Time: time.Now().UTC(), Data: data,
		}
		n, err := t.record(record, putFirst, record.ID)
		if err != nil || n == 0 {
			return err
		}
		var state string
		err = t.row(`SELECT state FROM run WHERE id = ?`, []any{runID}, &state)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if fairlead.State(state) == fairlead.StateFinished {
			return &fairlead.Problem{
				Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("run %s is finished", runID),
				Hint: "to undo what it released, use fairlead rollback",
			}
		}
		_, err = t.exec(`INSERT INTO cancellation (run_id) VALUES (?)`, runID)
		return err
	})
}

// CancelRequested tells whether somebody asked a run to stop. It is cheap
// enough to be asked several times a second.
func (s *Store) CancelRequested(ctx context.Context, runID string) (bool, error) {
	var n int
	err := s.row(ctx, `SELECT count(*) FROM cancellation WHERE run_id = ?`, []any{runID}, &n)
	return n > 0, s.problem("read cancellation", err)
}
