// Package source is the step type sbom.source: it lists what the source
// depends on, from the lock files and manifests in the tree.
package source

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/inventory"
	"fairlead.dev/step"
)

// Name is the step type's name, and the tool of its findings.
const Name = "sbom.source"

// ArtifactName is the name of the artifact the step leaves.
const ArtifactName = "sbom.cdx.json"

//go:embed source.md
var doc string

// Config is the step's configuration.
type Config struct {
	Exclude  []string `json:"exclude" doc:"globs of paths that are passed over"`
	Dev      bool     `json:"dev" doc:"whether to list what only building and testing need"`
	Programs bool     `json:"programs" doc:"whether to list what Go programs in the tree were built from"`
}

// Type describes sbom.source.
func Type() step.Type {
	return step.Type{
		Version:  inventory.Version(),
		Name:     Name,
		Title:    "list what the source depends on",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true, Memory: 512, Confined: true},
		Produces: []string{fairlead.PredicateSBOM, cyclonedx.MediaType},
		Config:   Config{Exclude: []string{}, Dev: true},
		Run:      run,
	}
}

func run(ctx context.Context, in step.In) (step.Out, error) {
	config := step.ConfigOf[Config](in)
	root, err := os.OpenRoot(in.Workspace)
	if err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	defer root.Close()
	found, err := inventory.Tree(ctx, root.FS().(inventory.Files), inventory.Options{Exclude: config.Exclude, NoDev: !config.Dev, Programs: config.Programs})
	if err != nil {
		return step.Out{}, err
	}
	d := found.Document(cyclonedx.Component{Type: "application", Name: in.Service, Version: in.Event.Commit})
	d.Time, d.Phase = in.Event.Time, cyclonedx.PhasePreBuild
	if config.Programs {
		d.Phase = cyclonedx.PhasePostBuild
		if len(found.Direct) == 0 {
			d.Root.DependsOn = nil // what programs were built from is in them, all of it
		}
	}
	b, err := encode(d, in.Service, in.Event.Commit)
	if err != nil {
		return step.Out{}, problem(fairlead.KindInternal, "", err)
	}
	digest, size, err := in.Blobs.Put(ctx, bytes.NewReader(b))
	if err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	fmt.Fprintf(in.Output, "%d components from %d files\n", len(d.Components), found.Files)
	return step.Out{
		Outcome:   step.Done,
		Artifacts: []fairlead.Artifact{{Name: ArtifactName, Digest: digest, Size: size, Mode: 0o644}},
		Findings:  findings(in, found.Unreadable),
		Claims:    []fairlead.Claim{{PredicateType: fairlead.PredicateSBOM, Predicate: b}},
		Measurements: []fairlead.Measurement{
			{Name: "components", Value: float64(len(d.Components)), Unit: "1"},
			{Name: "manifests", Value: float64(found.Files), Unit: "1"},
			{Name: "manifests_unreadable", Value: float64(len(found.Unreadable)), Unit: "1"},
		},
	}, nil
}

// encode writes the document. Its serial number is of the service and all that
// it says, so that another content has another one.
func encode(d cyclonedx.Document, service, commit string) ([]byte, error) {
	b, err := cyclonedx.Encode(d)
	if err != nil {
		return nil, err
	}
	d.SerialNumber = cyclonedx.SerialNumber(fairlead.Host, Name, service, commit, string(fairlead.DigestBytes(b)))
	return cyclonedx.Encode(d)
}

// findings tells of files that cannot be read: the document is incomplete
// then, and nobody should learn that too late.
func findings(in step.In, all []inventory.Unreadable) []fairlead.Finding {
	var out []fairlead.Finding
	for _, u := range all {
		fmt.Fprintf(in.Output, "%s: not read: %v\n", u.Path, u.Err)
		out = append(out, fairlead.Finding{
			Fingerprint: fairlead.Fingerprint(fairlead.CategorySCA, "unreadable-manifest", u.Path),
			Category:    fairlead.CategorySCA,
			Rule:        "unreadable-manifest",
			Tool:        Name, ToolVersion: inventory.Tool + " " + inventory.Version(),
			Severity: fairlead.SeverityMedium, SeveritySource: "rule",
			Message:  "the file cannot be read, so what it names is not in the bill of materials",
			Location: fairlead.Location{Path: u.Path},
			Fix:      "let its package manager write the file again, or name it under exclude:",
		})
	}
	return out
}

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "list components", Kind: kind, Hint: hint, Err: err}
}
