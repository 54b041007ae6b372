package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
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
	images   bool // looks at images
	trees    bool // looks at source trees
	services bool // looks at running services
	named    bool // looks at images only when it is named: of most packages of a system somebody else judged the terms
	needed   []string
	settings map[string]any
	typ      step.Type

	workspace string // absolute directory that it sees; "": the copy of the source
	scratch   string // name of its scratch directory, where several engines have one word
}

// Engines lists the scanner classes in the order in which they are told.
func Engines() []Engine {
	return []Engine{
		{Word: "sbom", Type: "sbom.source", inner: true, trees: true},
		{Word: "image", Type: "scan.image", images: true},
		{Word: "secrets", Type: "scan.secrets", trees: true, settings: map[string]any{"scope": "tree"}},
		{Word: "sca", Type: "scan.sca", trees: true, images: true, needed: []string{"sbom", "image"}},
		{Word: "sast", Type: "scan.sast", trees: true},
		{Word: "iac", Type: "scan.iac", trees: true},
		{Word: "licences", Type: "scan.licences", trees: true, images: true, named: true, needed: []string{"sbom", "image"}, settings: map[string]any{"notices": false}},
		{Word: "dast", Type: "scan.dast", services: true, settings: map[string]any{"fail-on": "none"}},
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
	return append(words, External)
}

// choose gives the engines of a job, with their step types. A word that is no
// engine's is KindInvalid. A scan never goes on without an engine it should have.
func (r Runner) choose(j Job) ([]Engine, error) {
	for _, word := range j.Only {
		if !slices.Contains(Words(), word) {
			return nil, invalid("scan", "--only takes "+strings.Join(Words(), ", "), fmt.Errorf("there is no engine %q", word))
		}
		if word == External {
			continue
		}
		if i := slices.IndexFunc(Engines(), func(e Engine) bool { return e.Word == word }); !Engines()[i].sees(j) {
			return nil, invalid("scan", "image looks at images, sca and licences at images and directories, dast at a URL, the others at directories", fmt.Errorf("the engine %s does not look at %s", word, j.kind()))
		}
	}
	var out []Engine
	for _, e := range Engines() {
		if !e.wanted(j) {
			continue
		}
		var err error
		if e.typ, err = r.named(e.Type); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// named gives the step type of that name.
func (r Runner) named(name string) (step.Type, error) {
	i := slices.IndexFunc(r.Types, func(t step.Type) bool { return t.Name == name })
	if i < 0 {
		return step.Type{}, &fairlead.Problem{Op: "scan", Kind: fairlead.KindInternal, Err: errors.New("there is no step type " + name)}
	}
	return r.Types[i], nil
}

// wanted tells whether a job needs the engine, for itself or for another.
func (e Engine) wanted(j Job) bool {
	if !e.sees(j) {
		return false
	}
	if len(j.Only) == 0 {
		return j.Image == "" || !e.named
	}
	return slices.Contains(j.Only, e.Word) || slices.ContainsFunc(Engines(), func(o Engine) bool {
		return slices.Contains(o.needed, e.Word) && slices.Contains(j.Only, o.Word)
	})
}

// sees tells whether the engine looks at what the job is about.
func (e Engine) sees(j Job) bool {
	if j.Endpoint != "" {
		return e.services
	}
	if j.Image != "" {
		return e.images
	}
	return e.trees
}

// kind says what the job is about.
func (j Job) kind() string {
	if j.Endpoint != "" {
		return "running services"
	}
	if j.Image != "" {
		return "images"
	}
	return "directories"
}

// with gives the engine's configuration for a job: what the job says of its step
// type, and before that what a scan by hand is about, which is not for a file of
// configuration to say.
func (e Engine) with(j Job) json.RawMessage {
	settings := map[string]any{}
	maps.Copy(settings, j.Settings[e.Type])
	delete(settings, "sbom") // is where the engine before it leaves it
	maps.Copy(settings, e.settings)
	if e.Type == "scan.image" {
		settings["image"], settings["platform"], settings["base"] = j.Image, j.Platform, append([]string{}, j.Base...)
	}
	if len(settings) == 0 {
		return nil
	}
	return raw(settings)
}

func invalid(op, hint string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Hint: hint, Err: err}
}
