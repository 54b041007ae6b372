package store

import (
	"context"
	"time"
)

// largestChunk is how many bytes of output one row holds at most.
const largestChunk = 256 << 10

const putOutput = `INSERT INTO output (run_id, task_id, seq, attempt, time, data)
	VALUES (?, ?, (SELECT coalesce(max(seq), 0) + 1 FROM output WHERE run_id = ? AND task_id = ?), ?, ?, ?)`

// AppendOutput adds data to the end of what a task has printed. Large data is
// cut into chunks. How much a task may print is the caller's to limit.
func (s *Store) AppendOutput(ctx context.Context, runID, taskID string, attempt int, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	now := time.Now().UnixNano()
	return s.write(ctx, "store output", func(t *tx) error {
		for rest := data; len(rest) > 0; {
			n := min(len(rest), largestChunk)
			if _, err := t.exec(putOutput, runID, taskID, runID, taskID, attempt, now, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
}

// Output gives the chunks of a task's output that follow the chunk after, in
// order; a limit of 0 means 1,000. A task that printed nothing has none.
func (s *Store) Output(ctx context.Context, runID, taskID string, after int64, limit int) ([]OutputChunk, error) {
	const op = "read output"
	if limit <= 0 {
		limit = 1000
	}
	rows, err := s.query(ctx, `SELECT seq, attempt, time, data FROM output
		WHERE run_id = ? AND task_id = ? AND seq > ? ORDER BY seq LIMIT ?`, runID, taskID, after, limit)
	if err != nil {
		return nil, s.problem(op, err)
	}
	defer rows.Close()
	var chunks []OutputChunk
	for rows.Next() {
		var c OutputChunk
		var at int64
		if err := rows.Scan(&c.Seq, &c.Attempt, &at, &c.Data); err != nil {
			return nil, s.problem(op, err)
		}
		c.Time = time.Unix(0, at).UTC()
		chunks = append(chunks, c)
	}
	return chunks, s.problem(op, rows.Err())
}
