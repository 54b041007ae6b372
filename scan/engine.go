package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/step"
)

// Engine is one scanner class, under the word that people choose it by.
type Engine struct {
	Word string // "sca"
	Type string // step type: "scan.sca"

	inner    bool // runs when others need what it leaves, and is not chosen by name
	needed   []string
	settings map[string]any
	typ      step.Type
}

// Engines lists the scanner classes in the order in which they are told.
func Engines() []Engine {
	return []Engine{
		{Word: "sbom", Type: "sbom.source", inner: true},
		{Word: "secrets", Type: "scan.secrets", settings: map[string]any{"scope": "tree"}},
		{Word: "sca", Type: "scan.sca", needed: []string{"sbom"}},
		{Word: "iac", Type: "scan.iac"},
	}
}

// Words lists what --only may name.
func Words() []string {
	var words []string
	for _, e := range Engines() {
		if !e.inner {
			words = append(words, e.Word)
		}
	}
	return words
}

// choose gives the engines of a job, with their step types. A word that is no
// engine's is KindInvalid. A scan never goes on without an engine it should have.
func (r Runner) choose(j Job) ([]Engine, error) {
	for _, word := range j.Only {
		if !slices.Contains(Words(), word) {
			return nil, invalid("scan", "--only takes "+strings.Join(Words(), ", "), fmt.Errorf("there is no engine %q", word))
		}
	}
	var out []Engine
	for _, e := range Engines() {
		if !e.wanted(j) {
			continue
		}
		i := slices.IndexFunc(r.Types, func(t step.Type) bool { return t.Name == e.Type })
		if i < 0 {
			return nil, &fairlead.Problem{Op: "scan", Kind: fairlead.KindInternal, Err: errors.New("there is no step type " + e.Type)}
		}
		e.typ = r.Types[i]
		out = append(out, e)
	}
	return out, nil
}

// wanted tells whether a job needs the engine.
func (e Engine) wanted(j Job) bool {
	if e.inner {
		return len(j.Only) == 0 || slices.ContainsFunc(Engines(), func(o Engine) bool {
			return slices.Contains(o.needed, e.Word) && slices.Contains(j.Only, o.Word)
		})
	}
	return len(j.Only) == 0 || slices.Contains(j.Only, e.Word)
}

// with gives the engine's configuration.
func (e Engine) with() json.RawMessage {
	if e.settings == nil {
		return nil
	}
	return raw(e.settings)
}

func invalid(op, hint string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Hint: hint, Err: err}
}
