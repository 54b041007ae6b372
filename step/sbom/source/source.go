// Package source is the step type sbom.source: it lists what the source
// depends on, from the lock files and manifests in the tree. It is the only
// place that knows osv-scalibr.
package source

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
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
	Exclude []string `json:"exclude" doc:"globs of paths that are passed over"`
	Dev     bool     `json:"dev" doc:"whether to list what only building and testing need"`
}

// Type describes sbom.source.
func Type() step.Type {
	return step.Type{
		Version:  version(),
		Name:     Name,
		Title:    "list what the source depends on",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true, Memory: 128},
		Produces: []string{fairlead.PredicateSBOM, cyclonedx.MediaType},
		Config:   Config{Exclude: []string{}, Dev: true},
		Run:      run,
	}
}

func run(ctx context.Context, in step.In) (step.Out, error) {
	config := step.ConfigOf[Config](in)
	w, err := newWalk(config)
	if err != nil {
		return step.Out{}, err
	}
	root, err := os.OpenRoot(in.Workspace)
	if err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	defer root.Close()
	w.files, w.output = root.FS().(tree), in.Output
	err = fs.WalkDir(w.files, ".", w.visit(ctx))
	if err := context.Cause(ctx); err != nil {
		return step.Out{}, problem(fairlead.KindCancelled, "", err)
	}
	if err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	return w.out(ctx, in)
}

// out writes the document and what is known about how it came to be.
func (w *walk) out(ctx context.Context, in step.In) (step.Out, error) {
	d := cyclonedx.Document{
		SerialNumber: cyclonedx.SerialNumber(fairlead.Host, Name, in.Service, in.Event.Commit),
		Time:         in.Event.Time,
		Tool:         cyclonedx.Tool{Name: "osv-scalibr", Version: version()},
		Root:         cyclonedx.Component{Ref: "root", Type: "application", Name: in.Service, Version: in.Event.Commit},
		Components:   w.components(),
	}
	b, err := cyclonedx.Encode(d)
	if err != nil {
		return step.Out{}, problem(fairlead.KindInternal, "", err)
	}
	digest, size, err := in.Blobs.Put(ctx, bytes.NewReader(b))
	if err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	fmt.Fprintf(in.Output, "%d components from %d files\n", len(d.Components), w.manifests)
	return step.Out{
		Outcome:   step.Done,
		Artifacts: []fairlead.Artifact{{Name: ArtifactName, Digest: digest, Size: size, Mode: 0o644}},
		Findings:  w.findings,
		Claims:    []fairlead.Claim{{PredicateType: fairlead.PredicateSBOM, Predicate: b}},
		Measurements: []fairlead.Measurement{
			{Name: "components", Value: float64(len(d.Components)), Unit: "1"},
			{Name: "manifests", Value: float64(w.manifests), Unit: "1"},
			{Name: "manifests_unreadable", Value: float64(len(w.findings)), Unit: "1"},
		},
	}, nil
}

// version is the version of the library in this binary.
func version() string {
	const module = "github.com/google/osv-scalibr"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "unknown"
}

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "list components", Kind: kind, Hint: hint, Err: err}
}
