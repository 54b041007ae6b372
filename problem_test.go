package fairlead_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"fairlead.dev"
)

// The table of kinds is the promise of exit codes, HTTP statuses and retries.
func TestKinds(t *testing.T) {
	for _, tt := range []struct {
		kind         fairlead.Kind
		exit, status int
		retry        bool
	}{
		{fairlead.KindInvalid, 2, 400, false},
		{fairlead.KindNotFound, 2, 404, false},
		{fairlead.KindConflict, 1, 409, false},
		{fairlead.KindDenied, 1, 403, false},
		{fairlead.KindFailed, 1, 422, false},
		{fairlead.KindWaiting, 3, 202, false},
		{fairlead.KindCancelled, 1, 409, false},
		{fairlead.KindTimeout, 1, 504, false},
		{fairlead.KindUnavailable, 4, 503, true},
		{fairlead.KindTransient, 4, 503, true},
		{fairlead.KindInternal, 4, 500, false},
		{"unheard of", 4, 500, false},
		{"", 4, 500, false},
	} {
		if tt.kind.ExitCode() != tt.exit || tt.kind.Status() != tt.status || tt.kind.Retryable() != tt.retry {
			t.Errorf("%q: exit %d, status %d, retry %v", tt.kind, tt.kind.ExitCode(), tt.kind.Status(), tt.kind.Retryable())
		}
	}
}

func TestProblemInAChain(t *testing.T) {
	inner := &fairlead.Problem{Op: "open blob", Kind: fairlead.KindNotFound, Hint: "look elsewhere", Err: fs.ErrNotExist}
	outer := &fairlead.Problem{Op: "place artifact", Kind: fairlead.KindUnavailable, Err: fmt.Errorf("here: %w", inner)}
	for _, tt := range []struct {
		err  error
		text string
		kind fairlead.Kind
		hint string
		exit int
	}{
		{nil, "", "", "", 0},
		{errors.New("odd"), "odd", fairlead.KindInternal, "", 4},
		{inner, "open blob: file does not exist", fairlead.KindNotFound, "look elsewhere", 2},
		{outer, "place artifact: here: open blob: file does not exist", fairlead.KindUnavailable, "look elsewhere", 4},
		{fmt.Errorf("wrapped: %w", outer), "wrapped: place artifact: here: open blob: file does not exist", fairlead.KindUnavailable, "look elsewhere", 4},
		{&fairlead.Problem{Op: "only this"}, "only this", "", "", 4},
	} {
		if tt.err != nil && tt.err.Error() != tt.text {
			t.Errorf("text %q, want %q", tt.err, tt.text)
		}
		if fairlead.KindOf(tt.err) != tt.kind || fairlead.HintOf(tt.err) != tt.hint || fairlead.ExitCode(tt.err) != tt.exit {
			t.Errorf("%v: kind %q, hint %q, exit %d", tt.err, fairlead.KindOf(tt.err), fairlead.HintOf(tt.err), fairlead.ExitCode(tt.err))
		}
	}
	if !errors.Is(outer, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
}

// A recorded failure reads as the live one.
func TestFaultRoundTrip(t *testing.T) {
	for _, err := range []error{
		errors.New("odd"),
		&fairlead.Problem{Op: "read", Kind: fairlead.KindTransient, Hint: "again", Err: errors.New("cause")},
		&fairlead.Problem{Op: "read", Kind: fairlead.KindTimeout, Err: &fairlead.Problem{Op: "ask", Hint: "inner", Err: errors.New("cause")}},
	} {
		raw, jerr := json.Marshal(fairlead.FaultOf(err))
		var f *fairlead.Fault
		if jerr = errors.Join(jerr, json.Unmarshal(raw, &f)); jerr != nil {
			t.Fatal(jerr)
		}
		back := f.Problem()
		if back.Error() != err.Error() || fairlead.KindOf(back) != fairlead.KindOf(err) || fairlead.HintOf(back) != fairlead.HintOf(err) {
			t.Errorf("%v became %v (%s, %q)", err, back, fairlead.KindOf(back), fairlead.HintOf(back))
		}
	}
	if fairlead.FaultOf(nil) != nil || (*fairlead.Fault)(nil).Problem() != nil {
		t.Error("no failure became one")
	}
}
