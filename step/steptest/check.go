package steptest

import (
	"encoding/json"
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/step"
)

var measureName = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// check holds what a step left against the contract.
func check(t *testing.T, typ step.Type, in step.In, out step.Out, kept *blobs) {
	t.Helper()
	if out.Outcome != step.Done && strings.TrimSpace(out.Reason) == "" {
		t.Errorf("outcome %s has no reason", out.Outcome)
	}
	secrets(t, in, out)
	for _, a := range out.Artifacts {
		content, err := kept.read(a.Digest)
		if err != nil || int64(len(content)) != a.Size || fairlead.DigestBytes(content) != a.Digest {
			t.Errorf("artifact %s: its content was not kept: %d bytes, %v", a.Name, len(content), err)
		}
		if !local(a.Name) || a.Mode == 0 || a.Mode&^0o777 != 0 {
			t.Errorf("artifact %q has mode %o", a.Name, a.Mode)
		}
	}
	for _, c := range out.Claims {
		claim(t, typ, c)
	}
	for _, c := range out.Cases {
		if c.Name == "" || c.Seconds < 0 || c.Location.Path != "" && !local(c.Location.Path) ||
			!slices.Contains([]fairlead.CaseResult{fairlead.CasePassed, fairlead.CaseFailed, fairlead.CaseFlaky, fairlead.CaseSkipped}, c.Result) {
			t.Errorf("case is not well-formed: %+v", c)
		}
	}
	for _, f := range out.Findings {
		if f.Fingerprint == "" || f.Rule == "" || f.Message == "" || f.Tool != typ.Name || f.Location.Path != "" && !local(f.Location.Path) ||
			!slices.Contains([]fairlead.Severity{fairlead.SeverityCritical, fairlead.SeverityHigh, fairlead.SeverityMedium, fairlead.SeverityLow, fairlead.SeverityUnknown}, f.Severity) {
			t.Errorf("finding is not well-formed: %+v", f)
		}
	}
	for _, m := range out.Measurements {
		if !measureName.MatchString(m.Name) || m.Unit == "" {
			t.Errorf("measurement is not well-formed: %+v", m)
		}
	}
}

// claim checks a claim: its predicate is a JSON object of a type that the step
// type says it produces, and its subjects have digests.
func claim(t *testing.T, typ step.Type, c fairlead.Claim) {
	t.Helper()
	if !slices.Contains(typ.Produces, c.PredicateType) {
		t.Errorf("claim of type %q, which Produces does not list", c.PredicateType)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(c.Predicate, &object); err != nil || len(object) == 0 {
		t.Errorf("the predicate of a %s claim is not a JSON object: %v", c.PredicateType, err)
	}
	for _, s := range c.Subjects {
		if _, err := fairlead.ParseDigest(string(s.Digest)); err != nil || s.Name == "" {
			t.Errorf("subject %+v: %v", s, err)
		}
	}
}

// secrets checks that nothing the step left holds a secret. Output is not
// looked at: it is masked behind the writer that the step was given.
func secrets(t *testing.T, in step.In, out step.Out) {
	t.Helper()
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatalf("what the step left has no JSON encoding: %v", err)
	}
	for _, s := range in.Secrets {
		encoded, _ := json.Marshal(s)
		if strings.Contains(string(raw), strings.Trim(string(encoded), `"`)) {
			t.Errorf("what the step left holds a secret: %s", raw)
		}
	}
}

// problem checks an error that the step ended with.
func problem(t *testing.T, err error) {
	t.Helper()
	var p *fairlead.Problem
	if !errors.As(err, &p) || p.Op == "" || p.Err == nil {
		t.Errorf("error %v is not a complete problem", err)
	}
	if text := err.Error(); text != "" && strings.ToLower(text[:1]) != text[:1] {
		t.Errorf("error text %q does not begin in lower case", text)
	}
}

// local tells whether a name is clean and inside the workspace.
func local(name string) bool {
	return name != "" && path.Clean(name) == name && !path.IsAbs(name) && name != ".." && !strings.HasPrefix(name, "../") && !strings.Contains(name, `\`)
}
