package control

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"fairlead.dev"
)

// birth is what the record of a run's birth carries: the run, and the scope
// that it belongs to. Several repositories may share one database; a scope is
// the part of it that one state directory can execute, because only there are
// the commits, the keys, the artifacts and the agent.
type birth struct {
	fairlead.Run
	Scope string `json:"scope,omitempty"`
}

// queued is the record of a run's birth.
func (p *Plane) queued(run fairlead.Run) fairlead.Record {
	return fairlead.Record{
		ID: run.ID + "/queued", Type: fairlead.RecordRunQueued, Subject: run.ID, RunID: run.ID, Time: run.StartedAt,
		Data: encode(birth{run, p.Scope}),
	}
}

// encode is for plain data, which always has a JSON encoding.
func encode(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil {
		panic("control: encode record: " + err.Error())
	}
	return data
}

// Owns tells whether this scope can execute a run, or whatever has an id that
// begins with the run's, as its deployment. A run that names no scope is
// everybody's.
func (p *Plane) Owns(ctx context.Context, id string) (bool, error) {
	runID, _, _ := strings.Cut(id, "/")
	if runID == "" {
		return true, nil
	}
	found, err := p.Reader.Records(ctx, fairlead.RecordFilter{
		RunID: runID, Types: []fairlead.RecordType{fairlead.RecordRunQueued}, Limit: 1,
	})
	if err != nil || len(found) == 0 {
		return err == nil, err
	}
	var b birth
	if err := json.Unmarshal(found[0].Data, &b); err != nil {
		return true, nil // written by another version, which names no scope that we know
	}
	return b.Scope == "" || b.Scope == p.Scope, nil
}

// needOwn refuses what another scope has to do.
func (p *Plane) needOwn(ctx context.Context, op, id string) error {
	own, err := p.Owns(ctx, id)
	if err != nil || own {
		return err
	}
	return &fairlead.Problem{
		Op: op, Kind: fairlead.KindConflict, Err: errors.New("it belongs to another repository or state directory of this database"),
		Hint: "run the command where it was started",
	}
}
