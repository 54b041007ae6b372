package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"fairlead.dev"
)

// outcome is how a step or a flow ended, as it is recorded. Errors are part
// of it, so that an error that DBOS reports is always the engine's own.
type outcome struct {
	Value json.RawMessage `json:"value,omitempty"`
	Error string          `json:"error,omitempty"` // text of an error that is no Problem
	Fault *fairlead.Fault `json:"fault,omitempty"` // a Problem
}

// seal encodes a result or an error for the record.
func seal[R any](value R, err error) json.RawMessage {
	var o outcome
	var p *fairlead.Problem
	switch {
	case errors.As(err, &p):
		o.Fault = faultOf(err)
	case err != nil:
		o.Error = cmp.Or(err.Error(), "unknown error")
	default:
		raw, encErr := json.Marshal(value)
		if encErr != nil {
			o.Fault = fairlead.FaultOf(&fairlead.Problem{Op: "record a result", Kind: fairlead.KindInternal, Err: encErr})
		}
		o.Value = raw
	}
	b, encErr := json.Marshal(o)
	if encErr != nil { // a RawMessage from Marshal and strings always encode
		panic("engine: encode outcome: " + encErr.Error())
	}
	return b
}

// faultOf is the Problem in err with the whole text of err: what wraps the
// Problem becomes part of its operation.
func faultOf(err error) *fairlead.Fault {
	f := fairlead.FaultOf(err)
	if op, ok := strings.CutSuffix(err.Error(), ": "+f.Cause); ok {
		f.Op = op
	}
	return f
}

// unseal gives back what seal was given, as far as JSON carries it.
func unseal[R any](raw json.RawMessage) (R, error) {
	var zero, value R
	var o outcome
	if err := json.Unmarshal(raw, &o); err != nil {
		return zero, &fairlead.Problem{Op: "read a recorded result", Kind: fairlead.KindInternal, Err: err}
	}
	if o.Fault != nil {
		return zero, o.Fault.Problem()
	}
	if o.Error != "" {
		return zero, errors.New(o.Error)
	}
	if err := json.Unmarshal(o.Value, &value); err != nil {
		return zero, &fairlead.Problem{
			Op: "read a recorded result", Kind: fairlead.KindInternal, Err: err,
			Hint: "the type of a result changed while a run was in flight",
		}
	}
	return value, nil
}

// guarded calls fn and turns a panic into an error.
func guarded[A, R any](what string, fn func(A) (R, error), arg A) (result R, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &fairlead.Problem{Op: what, Kind: fairlead.KindInternal, Err: fmt.Errorf("panic: %v", r)}
		}
	}()
	return fn(arg)
}

// stepBody is a step as DBOS sees it: it never fails.
type stepBody = func(context.Context) (json.RawMessage, error)
