package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"fairlead.dev"
)

const oneEnvironment = `SELECT doc FROM environment WHERE environment = ? AND service = ?`

// Run gives a run by its whole id.
func (s *Store) Run(ctx context.Context, id string) (fairlead.Run, error) {
	return one[fairlead.Run](ctx, s, "read run", "run "+id, "list runs with fairlead status", `SELECT doc FROM run WHERE id = ?`, id)
}

// Runs gives runs, newest first.
func (s *Store) Runs(ctx context.Context, f RunFilter) ([]fairlead.Run, error) {
	var where conditions
	where.equal("environment", f.Environment)
	where.equal("service", f.Service)
	where.equal("revision", f.Commit)
	where.equal("state", string(f.State))
	return many[fairlead.Run](ctx, s, "read runs",
		`SELECT doc FROM run`+where.String()+` ORDER BY started DESC, id DESC LIMIT ?`, append(where.args, limit(f.Limit, 100))...)
}

// RunByPrefix gives the one run whose id begins with prefix; an id equal to it
// wins. Several are KindInvalid and listed in the hint.
func (s *Store) RunByPrefix(ctx context.Context, prefix string) (fairlead.Run, error) {
	const op, shown = "find run", 5
	if prefix == "" {
		return fairlead.Run{}, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: errors.New("the id is empty")}
	}
	runs, err := many[fairlead.Run](ctx, s, op,
		`SELECT doc FROM run WHERE id >= ? AND id < ? ORDER BY id LIMIT ?`, prefix, prefix+"\U0010ffff", shown+1)
	switch {
	case err != nil:
		return fairlead.Run{}, err
	case len(runs) == 0:
		return fairlead.Run{}, notFound(op, "run "+prefix, "list runs with fairlead status")
	case len(runs) == 1 || runs[0].ID == prefix:
		return runs[0], nil
	}
	ids := make([]string, 0, len(runs))
	for _, r := range runs[:min(len(runs), shown)] {
		ids = append(ids, r.ID)
	}
	list := strings.Join(ids, ", ")
	if len(runs) > shown {
		list += " and more"
	}
	return fairlead.Run{}, &fairlead.Problem{
		Op: op, Kind: fairlead.KindInvalid, Err: fmt.Errorf("several runs begin with %q", prefix), Hint: "say which: " + list,
	}
}

// Tasks gives the tasks of a run in the order they started.
func (s *Store) Tasks(ctx context.Context, runID string) ([]fairlead.TaskRun, error) {
	return many[fairlead.TaskRun](ctx, s, "read tasks", `SELECT doc FROM task WHERE run_id = ? ORDER BY started, id`, runID)
}

// Task gives one task of a run.
func (s *Store) Task(ctx context.Context, runID, taskID string) (fairlead.TaskRun, error) {
	return one[fairlead.TaskRun](ctx, s, "read task", "task "+taskID+" in run "+runID, "list its tasks with fairlead why "+runID,
		`SELECT doc FROM task WHERE run_id = ? AND id = ?`, runID, taskID)
}

// TaskByKey gives the newest task with a key that did the work itself, when it
// succeeded: its result can be reused. A later failure takes an earlier success
// back.
func (s *Store) TaskByKey(ctx context.Context, key fairlead.Digest) (fairlead.TaskRun, bool, error) {
	if key == "" {
		return fairlead.TaskRun{}, false, nil
	}
	found, err := many[fairlead.TaskRun](ctx, s, "find task by key",
		`SELECT doc FROM task WHERE key = ? AND key <> '' AND reused = 0 AND result IN ('success', 'failure', 'timeout')
			ORDER BY finished DESC LIMIT 1`, string(key))
	if err != nil || len(found) == 0 || !found[0].Succeeded() {
		return fairlead.TaskRun{}, false, err
	}
	return found[0], true, nil
}

// Decision gives a decision.
func (s *Store) Decision(ctx context.Context, id string) (fairlead.Decision, error) {
	return one[fairlead.Decision](ctx, s, "read decision", "decision "+id, "a run that has not decided yet has none",
		`SELECT doc FROM decision WHERE id = ?`, id)
}

// Deployment gives a deployment.
func (s *Store) Deployment(ctx context.Context, id string) (fairlead.Deployment, error) {
	return one[fairlead.Deployment](ctx, s, "read deployment", "deployment "+id, "a run that does not release has none",
		`SELECT doc FROM deployment WHERE id = ?`, id)
}

// Deployments gives deployments, newest first. An empty environment or service
// stands for every one; a limit of 0 means 100.
func (s *Store) Deployments(ctx context.Context, environment, service string, most int) ([]fairlead.Deployment, error) {
	var where conditions
	where.equal("environment", environment)
	where.equal("service", service)
	return many[fairlead.Deployment](ctx, s, "read deployments",
		`SELECT doc FROM deployment`+where.String()+` ORDER BY started DESC, id DESC LIMIT ?`, append(where.args, limit(most, 100))...)
}

// Environment gives what is live for a service in an environment.
func (s *Store) Environment(ctx context.Context, environment, service string) (fairlead.EnvironmentState, error) {
	return one[fairlead.EnvironmentState](ctx, s, "read environment", fmt.Sprintf("release of %s in %s", service, environment),
		"list what is live with fairlead env list", oneEnvironment, environment, service)
}

// Environments gives what is live everywhere, by environment and service.
func (s *Store) Environments(ctx context.Context) ([]fairlead.EnvironmentState, error) {
	return many[fairlead.EnvironmentState](ctx, s, "read environments", `SELECT doc FROM environment ORDER BY environment, service`)
}

// Plan gives a plan by its hash.
func (s *Store) Plan(ctx context.Context, hash fairlead.Digest) (fairlead.Plan, error) {
	return one[fairlead.Plan](ctx, s, "read plan", "plan "+string(hash), "plans are kept when their run begins",
		`SELECT doc FROM plan WHERE hash = ?`, string(hash))
}

// SavePlan keeps a plan under its hash. Saving it again changes nothing; a
// different plan with the same hash is KindConflict.
func (s *Store) SavePlan(ctx context.Context, p fairlead.Plan) error {
	const op = "save plan"
	doc, err := json.Marshal(p)
	if err != nil || p.Hash == "" {
		return &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: errors.Join(errors.New("the plan has no hash or no JSON form"), err)}
	}
	return s.write(ctx, op, func(t *tx) error {
		n, err := t.exec(`INSERT INTO plan (hash, doc) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING`, string(p.Hash), string(doc))
		if err != nil || n > 0 {
			return err
		}
		var kept string
		if err := t.row(`SELECT doc FROM plan WHERE hash = ?`, []any{string(p.Hash)}, &kept); err != nil {
			return err
		}
		if kept != string(doc) {
			return &fairlead.Problem{Op: op, Kind: fairlead.KindConflict, Err: fmt.Errorf("another plan has the hash %s", p.Hash)}
		}
		return nil
	})
}

// one reads one document; none is KindNotFound.
func one[T any](ctx context.Context, s *Store, op, what, hint, query string, args ...any) (T, error) {
	var v T
	var doc string
	err := s.row(ctx, query, args, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		return v, notFound(op, what, hint)
	}
	if err == nil {
		err = json.Unmarshal([]byte(doc), &v)
	}
	return v, s.problem(op, err)
}

// many reads documents in the query's order.
func many[T any](ctx context.Context, s *Store, op, query string, args ...any) ([]T, error) {
	rows, err := s.query(ctx, query, args...)
	if err != nil {
		return nil, s.problem(op, err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var doc sql.RawBytes
		var v T
		if err := rows.Scan(&doc); err != nil {
			return nil, s.problem(op, err)
		}
		if err := json.Unmarshal(doc, &v); err != nil {
			return nil, s.problem(op, err)
		}
		all = append(all, v)
	}
	return all, s.problem(op, rows.Err())
}

func (s *Store) row(ctx context.Context, query string, args []any, into ...any) error {
	st, err := s.reads.prepare(ctx, query)
	if err != nil {
		return err
	}
	return st.QueryRowContext(ctx, args...).Scan(into...)
}

func (s *Store) query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	st, err := s.reads.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(ctx, args...)
}

// conditions builds a WHERE clause.
type conditions struct {
	terms []string
	args  []any
}

// equal asks for a value of a column; the empty string asks for nothing.
func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

func (c *conditions) add(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

func (c *conditions) String() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}

func limit(asked, usual int) int {
	if asked <= 0 {
		return usual
	}
	return asked
}
