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

// ClaimEnvironment makes holder the one that moves a service in an
// environment, and gives out the next fence. It succeeds when nobody moves it,
// or when the one who does is replaces. A holder that has it already gets the
// state unchanged. Otherwise it is KindConflict, naming the one who has it.
// [Store.Commit] with an environment whose Moving is empty lets go.
func (s *Store) ClaimEnvironment(ctx context.Context, environment, service, holder, replaces string) (fairlead.EnvironmentState, error) {
	const op = "claim environment"
	if holder == "" {
		return fairlead.EnvironmentState{}, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: errors.New("a claim needs a holder")}
	}
	var state fairlead.EnvironmentState
	err := s.write(ctx, op, func(t *tx) error {
		var err error
		state, err = t.claim(environment, service, holder, replaces)
		return err
	})
	if err != nil {
		return fairlead.EnvironmentState{}, err
	}
	return state, nil
}

// claim makes holder the one that moves a place, unless somebody else does.
func (t *tx) claim(environment, service, holder, replaces string) (fairlead.EnvironmentState, error) {
	state, err := t.environmentState(environment, service)
	if err != nil || state.Moving == holder {
		return state, err
	}
	if state.Moving != "" && state.Moving != replaces {
		return state, &fairlead.Problem{
			Op: "claim environment", Kind: fairlead.KindConflict,
			Err:  fmt.Errorf("%s of %s is being moved by %s", environment, service, state.Moving),
			Hint: "wait until it is done, or roll it back: see fairlead status",
		}
	}
	state.Moving, state.UpdatedAt = holder, time.Now().UTC()
	state.Fence++
	doc, err := json.Marshal(state)
	if err != nil {
		return state, err
	}
	return state, t.environment(state, string(doc))
}

// environmentState reads an environment; one never heard of is empty.
func (t *tx) environmentState(environment, service string) (fairlead.EnvironmentState, error) {
	state := fairlead.EnvironmentState{Environment: environment, Service: service}
	var doc string
	err := t.row(oneEnvironment, []any{environment, service}, &doc)
	if errors.Is(err, sql.ErrNoRows) {
		return state, nil
	}
	if err != nil {
		return state, err
	}
	return readEnvironment(doc)
}

func readEnvironment(doc string) (state fairlead.EnvironmentState, err error) {
	err = json.Unmarshal([]byte(doc), &state)
	return state, err
}
