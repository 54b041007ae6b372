// Package sca is the step type scan.sca: it looks up the parts of the bill of
// materials in the database of vulnerabilities, and finds out how near each
// vulnerability is to being called.
package sca

import (
	"context"
	_ "embed"
	"os"

	"fairlead.dev"
	"fairlead.dev/correlate"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/step"
	"fairlead.dev/vulndb"
)

// Name is the step type's name, and the tool of its findings.
const Name = correlate.Tool

const version = correlate.Version

//go:embed sca.md
var doc string

// Config is the step's configuration.
type Config struct {
	SBOM         string `json:"sbom" doc:"path of the bill of materials, as an earlier task has left it"`
	Reachability bool   `json:"reachability" doc:"whether to find out how near vulnerable code is to being called"`
	Tests        bool   `json:"tests" doc:"whether code that only tests call counts as called"`
	MaxMiB       int    `json:"max-mib" doc:"memory that the analysis of what is called may take" min:"256" max:"65536"`
}

// Type describes scan.sca.
func Type() step.Type {
	return step.Type{
		Version:  version,
		Name:     Name,
		Title:    "look for components with known vulnerabilities",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true, Confined: true, Advisories: true, Cache: true, Memory: 3072},
		Consumes: []string{cyclonedx.MediaType},
		Produces: []string{fairlead.PredicateScan},
		Config:   Config{SBOM: "sbom.cdx.json", Reachability: true, MaxMiB: 2560},
		Run:      run,
	}
}

func run(ctx context.Context, in step.In) (step.Out, error) {
	config := step.ConfigOf[Config](in)
	if in.Advisories == "" {
		return step.Out{Outcome: step.Skipped, Reason: "there is no database of vulnerabilities: `fairlead vulndb import` makes one"}, nil
	}
	root, err := os.OpenRoot(in.Workspace)
	if err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	defer root.Close()
	document, err := cyclonedx.ReadFile(in.Given(config.SBOM))
	if err != nil {
		return step.Out{}, problem(fairlead.KindInvalid, "let it need a task of type sbom.source or scan.image, which makes one", err)
	}
	db, err := vulndb.Open(ctx, in.Advisories)
	if err != nil {
		return step.Out{}, err
	}
	defer db.Close()
	state, err := db.State(ctx)
	if err != nil {
		return step.Out{}, err
	}
	s := scan{in: in, config: config, root: root, db: db, state: state}
	s.parts, s.alone = correlate.Parts(document), alone(document)
	if err := s.match(ctx, document); err != nil {
		return step.Out{}, err
	}
	return s.out(), nil
}

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "scan for vulnerable components", Kind: kind, Hint: hint, Err: err}
}
