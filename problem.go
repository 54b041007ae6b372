package fairlead

import (
	"errors"
	"net/http"
)

// Kind classifies a Problem. The list is closed: exit code, HTTP status and
// whether a retry can help all follow from the kind, in one table.
type Kind string

// The kinds of problem.
const (
	KindInvalid     Kind = "invalid"     // the request or the configuration is wrong; the caller must change it
	KindNotFound    Kind = "not_found"   // the thing named does not exist
	KindConflict    Kind = "conflict"    // the state of the world does not allow it now
	KindDenied      Kind = "denied"      // a gate, a signature or a policy refused
	KindFailed      Kind = "failed"      // the work itself was done and did not pass
	KindWaiting     Kind = "waiting"     // a human has to act first
	KindCancelled   Kind = "cancelled"   // somebody asked for the work to stop
	KindTimeout     Kind = "timeout"     // the work did not end within its limit
	KindUnavailable Kind = "unavailable" // something that is needed is missing or does not answer
	KindTransient   Kind = "transient"   // it may well pass when tried again
	KindInternal    Kind = "internal"    // a defect of Fairlead
)

// Exit codes of the command line.
const (
	ExitPassed         = 0 // everything asked for was done
	ExitFailed         = 1 // a gate refused or the work failed
	ExitUsage          = 2 // the command line or the configuration is wrong
	ExitWaiting        = 3 // waiting for a human
	ExitInfrastructure = 4 // the infrastructure failed
)

// consequence is what follows from a kind.
type consequence struct {
	exit   int
	status int
	retry  bool
}

var consequences = map[Kind]consequence{
	KindInvalid:     {ExitUsage, http.StatusBadRequest, false},
	KindNotFound:    {ExitUsage, http.StatusNotFound, false},
	KindConflict:    {ExitFailed, http.StatusConflict, false},
	KindDenied:      {ExitFailed, http.StatusForbidden, false},
	KindFailed:      {ExitFailed, http.StatusUnprocessableEntity, false},
	KindWaiting:     {ExitWaiting, http.StatusAccepted, false},
	KindCancelled:   {ExitFailed, http.StatusConflict, false},
	KindTimeout:     {ExitFailed, http.StatusGatewayTimeout, false},
	KindUnavailable: {ExitInfrastructure, http.StatusServiceUnavailable, true},
	KindTransient:   {ExitInfrastructure, http.StatusServiceUnavailable, true},
	KindInternal:    {ExitInfrastructure, http.StatusInternalServerError, false},
}

// ExitCode is the exit code of a process that ends with a problem of this kind.
func (k Kind) ExitCode() int { return k.consequence().exit }

// Status is the HTTP status of an answer that carries a problem of this kind.
func (k Kind) Status() int { return k.consequence().status }

// Retryable tells whether trying again, unchanged, can help.
func (k Kind) Retryable() bool { return k.consequence().retry }

func (k Kind) consequence() consequence {
	if c, ok := consequences[k]; ok {
		return c
	}
	return consequences[KindInternal]
}

// Problem is the error type of Fairlead: what was being done, what kind of
// failure it is, what the reader can do about it, and the cause. It survives a
// round trip through JSON, so that a recorded failure reads as the live one.
type Problem struct {
	Op   string // the operation, lower case: "read config"
	Kind Kind
	Hint string // what to do about it; empty when nothing useful can be said
	Err  error  // the cause; never nil in a Problem made by this project
}

// Error gives the operation first and the cause last.
func (p *Problem) Error() string {
	switch {
	case p.Err == nil:
		return p.Op
	case p.Op == "": // recorded of an error that was no Problem
		return p.Err.Error()
	}
	return p.Op + ": " + p.Err.Error()
}

// Unwrap gives the cause.
func (p *Problem) Unwrap() error { return p.Err }

// KindOf gives the kind of the first Problem in err's chain, KindInternal for
// any other error, and "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var p *Problem
	if errors.As(err, &p) {
		return p.Kind
	}
	return KindInternal
}

// HintOf gives the first hint in err's chain, or "".
func HintOf(err error) string {
	for err != nil {
		var p *Problem
		if !errors.As(err, &p) {
			return ""
		}
		if p.Hint != "" {
			return p.Hint
		}
		err = p.Err
	}
	return ""
}

// ExitCode is the exit code for a process that ends with err.
func ExitCode(err error) int {
	if err == nil {
		return ExitPassed
	}
	return KindOf(err).ExitCode()
}

// Fault is a Problem as data, for records, events and HTTP answers.
type Fault struct {
	Op    string `json:"op"`
	Kind  Kind   `json:"kind"`
	Cause string `json:"cause"`
	Hint  string `json:"hint,omitempty"`
}

// FaultOf turns an error into data; nil gives nil.
func FaultOf(err error) *Fault {
	if err == nil {
		return nil
	}
	f := &Fault{Kind: KindOf(err), Hint: HintOf(err), Cause: err.Error()}
	var p *Problem
	if errors.As(err, &p) {
		f.Op = p.Op
		if p.Err != nil {
			f.Cause = p.Err.Error()
		}
	}
	return f
}

// Problem turns recorded data back into an error; nil gives nil.
func (f *Fault) Problem() error {
	if f == nil {
		return nil
	}
	return &Problem{Op: f.Op, Kind: f.Kind, Hint: f.Hint, Err: errors.New(f.Cause)}
}
