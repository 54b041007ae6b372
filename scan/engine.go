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
		{Word: "sast", Type: "scan.sast"},
		{Word: "iac", Type: "scan.iac"},
		{Word: "licences", Type: "scan.licences", needed: []string{"sbom"}},
		{Word: "image", Type: "scan.image"},
		{Word: "dast", Type: "scan.dast"},
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

// choose gives the engines of a job, with their step types. What was asked for
// by name and cannot be done is KindInvalid.
func (r Runner) choose(j Job) ([]Engine, error) {
	for _, word := range j.Only {
		if !slices.Contains(Words(), word) {
			return nil, invalid("scan", "--only takes "+strings.Join(Words(), ", "), fmt.Errorf("there is no engine %q", word))
		}
	}
	if slices.Contains(j.Only, "dast") && j.Endpoint == "" {
		return nil, invalid("scan", "--url names it", errors.New("dast needs a running service"))
	}
	if slices.Contains(j.Only, "image") && j.Image == "" {
		return nil, invalid("scan", "--image names an archive, an OCI layout or a reference", errors.New("image needs an image"))
	}
	var out []Engine
	for _, e := range Engines() {
		i := slices.IndexFunc(r.Types, func(t step.Type) bool { return t.Name == e.Type })
		if i < 0 || !e.wanted(j) {
			continue
		}
		e.typ = r.Types[i]
		out = append(out, e)
	}
	return out, nil
}

// wanted tells whether a job needs the engine.
func (e Engine) wanted(j Job) bool {
	switch {
	case e.inner:
		return len(j.Only) == 0 || slices.ContainsFunc(Engines(), func(o Engine) bool {
			return slices.Contains(o.needed, e.Word) && slices.Contains(j.Only, o.Word)
		})
	case e.Word == "dast" && j.Endpoint == "" || e.Word == "image" && j.Image == "":
		return false
	}
	return len(j.Only) == 0 || slices.Contains(j.Only, e.Word)
}

// with gives the engine's configuration for a job.
func (e Engine) with(j Job) json.RawMessage {
	if e.Word == "image" {
		return raw(map[string]any{"image": j.Image})
	}
	if e.settings == nil {
		return nil
	}
	return raw(e.settings)
}

func invalid(op, hint string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Hint: hint, Err: err}
}
