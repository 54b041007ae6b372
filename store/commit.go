package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fairlead.dev"
)

// Commit applies an update: all of it or nothing. When the first record is
// already there, the update was applied before: nothing is written and applied
// is false. An update needs at least one record (KindInvalid). KindConflict
// refuses to change a finished run, to write an environment with a fence lower
// than the highest given out, and to record one ID in two updates.
func (s *Store) Commit(ctx context.Context, u fairlead.Update) (applied bool, err error) {
	const op = "commit"
	if err := check(u); err != nil {
		return false, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: err}
	}
	docs, err := encode(u)
	if err != nil {
		return false, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: err}
	}
	err = s.write(ctx, op, func(t *tx) error {
		n, err := t.record(u.Records[0], putFirst, u.Records[0].ID)
		applied = n > 0
		if err != nil || !applied {
			return err
		}
		return t.apply(u, docs)
	})
	return applied && err == nil, err
}

func check(u fairlead.Update) error {
	if len(u.Records) == 0 {
		return errors.New("the update has no record")
	}
	for _, r := range u.Records {
		if r.ID == "" || r.Type == "" {
			return fmt.Errorf("a record has no id or no type: %q %q", r.ID, r.Type)
		}
	}
	for _, e := range u.Evidence {
		if fairlead.DigestBytes(e.Envelope) != e.ID {
			return fmt.Errorf("evidence %s is not the digest of its envelope", e.ID)
		}
	}
	return nil
}

// documents are an update's nouns as JSON. They are made by the caller's
// goroutine, not by the writer that everybody waits for.
type documents struct {
	run, decision, deployment, environment string
	freeze, grant                          string
	tasks, evidence, revocations           []string
	findings                               []string
	exception                              string
	weighed                                []byte
	exposures                              []string
}

func encode(u fairlead.Update) (d documents, err error) {
	doc := func(v any) string {
		b, e := json.Marshal(v)
		err = errors.Join(err, e)
		return string(b)
	}
	if u.Run != nil {
		d.run = doc(u.Run)
	}
	if u.Decision != nil {
		d.decision = doc(u.Decision)
	}
	if u.Deployment != nil {
		d.deployment = doc(u.Deployment)
	}
	if u.Environment != nil {
		d.environment = doc(u.Environment)
	}
	if u.Freeze != nil {
		d.freeze = doc(u.Freeze)
	}
	if u.Grant != nil {
		d.grant = doc(u.Grant)
	}
	for _, t := range u.Tasks {
		d.tasks = append(d.tasks, doc(t))
	}
	for _, e := range u.Evidence {
		e.Envelope = nil // kept beside the document, byte by byte
		d.evidence = append(d.evidence, doc(e))
	}
	for _, x := range u.Exposures {
		d.exposures = append(d.exposures, doc(x))
	}
	for _, r := range u.Revocations {
		d.revocations = append(d.revocations, doc(r))
	}
	for _, f := range u.Findings {
		d.findings = append(d.findings, doc(f))
	}
	if u.Exception != nil {
		d.exception = doc(u.Exception)
	}
	if u.Weighed != nil {
		packed, e := pack(u.Weighed)
		d.weighed, err = packed, errors.Join(err, e)
	}
	return d, err
}

// apply writes every part of an update but its first record.
func (t *tx) apply(u fairlead.Update, d documents) error {
	for _, r := range u.Records[1:] {
		if _, err := t.record(r, putRecord); err != nil {
			return err
		}
	}
	if err := t.join(u.Join); err != nil {
		return err
	}
	if u.Run != nil {
		if err := t.run(*u.Run, d.run); err != nil {
			return err
		}
	}
	for i, tr := range u.Tasks {
		if err := t.task(tr, d.tasks[i]); err != nil {
			return err
		}
	}
	if u.Decision != nil {
		if _, err := t.exec(putDecision, u.Decision.ID, u.Decision.RunID, d.decision); err != nil {
			return err
		}
	}
	if u.Deployment != nil {
		if err := t.deployment(*u.Deployment, d.deployment); err != nil {
			return err
		}
	}
	if u.Environment != nil {
		if err := t.environment(*u.Environment, d.environment); err != nil {
			return err
		}
	}
	for i, e := range u.Evidence {
		if _, err := t.exec(putEvidence, string(e.ID), e.RunID, nanos(e.Time), []byte(e.Envelope), d.evidence[i]); err != nil {
			return err
		}
	}
	for i, r := range u.Revocations {
		if _, err := t.exec(putRevocation, string(r.Evidence), r.RunID, nanos(r.Time), d.revocations[i]); err != nil {
			return err
		}
	}
	if err := t.findings(u, d); err != nil {
		return err
	}
	if err := t.exposures(u.Exposures, d.exposures); err != nil {
		return err
	}
	return t.people(u, d)
}

const (
	putRecord = `INSERT INTO record (id, type, subject, run_id, time, data, seq)
		SELECT ?, ?, ?, ?, ?, ?, (SELECT coalesce(max(seq), 0) + 1 FROM record)`
	putFirst = putRecord + ` WHERE NOT EXISTS (SELECT 1 FROM record WHERE id = ?)`
	putRun   = `INSERT INTO run (id, environment, service, revision, state, started, doc) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET environment = excluded.environment, service = excluded.service, revision = excluded.revision,
		state = excluded.state, started = excluded.started, doc = excluded.doc WHERE run.state <> 'finished'`
	putTask = `INSERT INTO task (run_id, id, key, result, reused, started, finished, doc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (run_id, id) DO UPDATE SET key = excluded.key, result = excluded.result, reused = excluded.reused,
		started = excluded.started, finished = excluded.finished, doc = excluded.doc`
	putDecision = `INSERT INTO decision (id, run_id, doc) VALUES (?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET run_id = excluded.run_id, doc = excluded.doc`
	putDeployment = `INSERT INTO deployment (id, environment, service, started, doc) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET environment = excluded.environment, service = excluded.service,
		started = excluded.started, doc = excluded.doc`
	putEnvironment = `INSERT INTO environment (environment, service, fence, release_id, doc) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (environment, service) DO UPDATE SET fence = excluded.fence, release_id = excluded.release_id, doc = excluded.doc
		WHERE environment.fence <= excluded.fence`
	putRevocation = `INSERT INTO revocation (evidence, run_id, time, doc) VALUES (?, ?, ?, ?)`
	putEvidence   = `INSERT INTO evidence (id, run_id, time, envelope, doc) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`
)

// record appends a record and gives the number of rows written.
func (t *tx) record(r fairlead.Record, query string, more ...any) (int64, error) {
	var data any
	if len(r.Data) > 0 {
		data = string(r.Data)
	}
	return t.exec(query, append([]any{r.ID, string(r.Type), r.Subject, r.RunID, nanos(r.Time), data}, more...)...)
}

func (t *tx) run(r fairlead.Run, doc string) error {
	n, err := t.exec(putRun, r.ID, r.Environment, r.Service, r.Commit, string(r.State), nanos(r.StartedAt), doc)
	if err == nil && n == 0 {
		return &fairlead.Problem{
			Op: "commit", Kind: fairlead.KindConflict, Err: fmt.Errorf("run %s is finished", r.ID),
			Hint: "a finished run never changes; start another one",
		}
	}
	if err == nil && r.State == fairlead.StateFinished {
		err = t.leave(r)
	}
	return err
}

func (t *tx) task(r fairlead.TaskRun, doc string) error {
	reused := 0
	if r.ReusedFrom != "" {
		reused = 1
	}
	_, err := t.exec(putTask, r.RunID, r.ID, string(r.Key), string(r.Result), reused, nanos(r.StartedAt), nanos(r.FinishedAt), doc)
	return err
}

func (t *tx) deployment(d fairlead.Deployment, doc string) error {
	_, err := t.exec(putDeployment, d.ID, d.Environment, d.Service, nanos(d.StartedAt), doc)
	return err
}

func (t *tx) environment(e fairlead.EnvironmentState, doc string) error {
	release := ""
	if e.Current != nil {
		release = string(e.Current.ID)
	}
	n, err := t.exec(putEnvironment, e.Environment, e.Service, e.Fence, release, doc)
	if err == nil && n == 0 {
		return &fairlead.Problem{
			Op: "commit", Kind: fairlead.KindConflict,
			Err:  fmt.Errorf("%s of %s was taken over: fence %d is no longer the highest", e.Environment, e.Service, e.Fence),
			Hint: "another deployment moves this environment now; see fairlead status",
		}
	}
	return err
}

// nanos gives a time as a column holds it; no time at all is 0.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
