package pipeline

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"fairlead.dev"
)

// Step types that the built-in matrix and the sections build and tests use.
const (
	stepBuild   = "build.command"
	stepTest    = "test.command"
	stepSecrets = "scan.secrets"
	stepSBOM    = "sbom.source"
	stepHTTP    = "check.http"
	stepDAST    = "scan.dast"
	stepSAST    = "scan.sast"

	stepLicences = "scan.licences"
	stepExternal = "scan.external" // whatever others' tools found

	targetProcess = "process"
)

// Catalog is what a configuration may name, as plain data given by wiring.
type Catalog struct {
	Steps   []StepInfo
	Targets []TargetInfo
	// Flow is the version of the flows that will execute the plan; it becomes
	// PlanInputs.Flow.
	Flow string
	// CheckRule type-checks a gate's rule against the variables a decision
	// offers. Nil leaves rules unchecked.
	CheckRule func(rule string) error
	// CheckFreeze and CheckKey say what is wrong with the times of a freeze and
	// with an SSH public key. Nil leaves them unchecked.
	CheckFreeze func(fairlead.Freeze) error
	CheckKey    func(authorizedKey string) error
	// CheckLicence says what is wrong with an entry of a policy for licences. Nil
	// leaves them unchecked.
	CheckLicence func(entry string) error
}

// StepInfo describes one step type.
type StepInfo struct {
	Name          string // "scan.secrets"
	Title         string // one line
	Config        any    // struct value that holds the defaults
	NeedsEndpoint bool   // needs a running release: only possible in the preview phase
}

// TargetInfo describes one target type.
type TargetInfo struct {
	Name   string // "process"
	Title  string // one line
	Config any    // struct value that holds the defaults
	// Foresee gives notes on a release that moves by these steps, or refuses it:
	// see target.Type. Nil has none.
	Foresee func(config json.RawMessage, steps []fairlead.Stage) ([]string, error)
}

func (c Catalog) step(name string) (StepInfo, bool) {
	for _, s := range c.Steps {
		if s.Name == name {
			return s, true
		}
	}
	return StepInfo{}, false
}

func (c Catalog) target(name string) (TargetInfo, bool) {
	for _, t := range c.Targets {
		if t.Name == name {
			return t, true
		}
	}
	return TargetInfo{}, false
}

func (c Catalog) stepNames() []string {
	names := make([]string, len(c.Steps))
	for i, s := range c.Steps {
		names[i] = s.Name
	}
	return names
}

func (c Catalog) targetNames() []string {
	names := make([]string, len(c.Targets))
	for i, t := range c.Targets {
		names[i] = t.Name
	}
	return names
}

// complete lays the given keys over a config's defaults and gives the whole
// as JSON. A key that the config does not have is a defect of this project.
func complete(owner string, defaults any, keys map[string]any) (json.RawMessage, error) {
	fail := func(err error) error {
		return &fairlead.Problem{Op: "configure " + owner, Kind: fairlead.KindInternal, Err: err}
	}
	if defaults == nil {
		return nil, fail(fmt.Errorf("%s is not in the catalog", owner))
	}
	v := reflect.New(reflect.TypeOf(defaults))
	v.Elem().Set(reflect.ValueOf(defaults))
	overlay, err := json.Marshal(keys)
	if err != nil {
		return nil, fail(err)
	}
	dec := json.NewDecoder(bytes.NewReader(overlay))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v.Interface()); err != nil {
		return nil, fail(err)
	}
	whole, err := json.Marshal(v.Elem().Interface())
	if err != nil {
		return nil, fail(err)
	}
	return whole, nil
}
