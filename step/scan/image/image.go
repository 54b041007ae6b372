// Package image is the step type scan.image: it looks into a container image
// for what is installed, for secrets in any layer, and for what makes an image
// more dangerous than it must be.
package image

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/credential"
	"fairlead.dev/format/cyclonedx"
	containers "fairlead.dev/image"
	"fairlead.dev/inventory"
	"fairlead.dev/purl"
	"fairlead.dev/step"
)

// Name is the step type's name, and the tool of its findings.
const Name = "scan.image"

// version changes when the rules do.
const version = "2"

// ArtifactName is the name of the artifact the step leaves: what is installed
// in the image, for scan.sca.
const ArtifactName = "sbom.cdx.json"

//go:embed image.md
var doc string

// Config is the step's configuration.
type Config struct {
	Image    string   `json:"image" doc:"path of the image, as an earlier task has left it: an OCI layout directory, or a tar file as docker save writes it"`
	Platform string   `json:"platform" doc:"which image of one for several platforms; linux/amd64 when empty"`
	Base     []string `json:"base" doc:"digests of the base image's uncompressed layers from the bottom up, or only scratch; when empty, annotations and the history tell"`
	Secrets  bool     `json:"secrets" doc:"whether to look for secrets in every layer, also in files that a later one deletes"`
	Settings bool     `json:"settings" doc:"whether to look at the user, the tag, the health check and setuid files"`
	Salt     string   `json:"salt" doc:"any words of your own that fingerprints of secrets are keyed with, as for scan.secrets"`
}

// Type describes scan.image.
func Type() step.Type {
	return step.Type{
		Name: Name, Version: version + " " + inventory.Version() + " " + credential.Version(),
		Title:    "look into a container image",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true, Confined: true, Memory: 1536},
		Produces: []string{fairlead.PredicateSBOM, fairlead.PredicateScan, cyclonedx.MediaType},
		Config:   Config{Image: "image.tar", Base: []string{}, Secrets: true, Settings: true},
		Run:      run,
	}
}

func run(ctx context.Context, in step.In) (step.Out, error) {
	config := step.ConfigOf[Config](in)
	img, err := containers.Open(in.Given(config.Image), config.Platform)
	if err != nil {
		return step.Out{}, err
	}
	if err := based(img, config.Base); err != nil {
		return step.Out{}, err
	}
	s := &scan{in: in, config: config, image: img}
	wanted, err := inventory.Wanted()
	if err != nil {
		return step.Out{}, err
	}
	reader := containers.Reader{Limits: containers.DefaultLimits(), Keep: alsoCopyrights(wanted)}
	if config.Secrets {
		if s.finder, err = credential.New(credential.Options{}); err != nil {
			return step.Out{}, err
		}
		reader.Look, reader.LookMax = s.look(ctx), mostSecretFile
	}
	tree, err := img.Read(ctx, in.Scratch, reader)
	if err != nil {
		return step.Out{}, err
	}
	defer func() { _ = tree.Close() }()
	return s.out(ctx, tree)
}

// based applies what the configuration says about the base image.
func based(img *containers.Image, base []string) error {
	switch {
	case len(base) == 0:
		return nil
	case len(base) == 1 && base[0] == "scratch":
		img.Scratch()
		return nil
	}
	of := &containers.Image{}
	for _, d := range base {
		of.Layers = append(of.Layers, containers.Layer{Digest: fairlead.Digest(d)})
	}
	if !img.Base(of) {
		return problem(fairlead.KindInvalid, "name the image that it was built from, in the version that it was built from", errors.New("the image does not begin with the layers of that base image"))
	}
	return nil
}

// scan is one image on its way.
type scan struct {
	in       step.In
	config   Config
	image    *containers.Image
	finder   *credential.Finder
	secrets  []sighting
	dropped  int      // places of secrets beyond what is told of
	long     []string // texts of which only the beginning was searched for secrets
	findings []fairlead.Finding
}

// left says what is not told of and what was not looked at, "" for nothing.
func (s *scan) left() string {
	var all []string
	if s.dropped > 0 {
		all = append(all, fmt.Sprintf("%d more places of secrets are left out", s.dropped))
	}
	if n := len(s.long); n > 0 {
		all = append(all, fmt.Sprintf("only the first %d MiB of %.200q were searched for secrets, and so of %d more files", mostSecretFile>>20, s.long[0], n-1))
	}
	return strings.Join(all, "; ")
}

// missed is all that was not looked at; nil when that cannot be told.
func (s *scan) missed() []string {
	if s.dropped > 0 {
		return nil
	}
	return s.long
}

// document is the bill of materials of what is installed.
func (s *scan) document(found inventory.Inventory, tree *containers.Tree) ([]byte, error) {
	root := cyclonedx.Component{Type: "container", Name: orService(s.image.Name, s.in.Service), Version: string(s.image.Digest)}
	if s.image.Digest != "" {
		root.Hashes = []cyclonedx.Hash{{Algorithm: "SHA-256", Hex: s.image.Digest.Hex()}}
	}
	root.PURL = purl.OfImage(root.Name, string(s.image.Digest))
	root.Properties = s.properties()
	if os, ok := inventory.System(tree); ok {
		found.Components = append(found.Components, os)
	}
	d := found.Document(root)
	d.Root.DependsOn = nil // it holds all of them
	d.Time, d.Phase = s.image.Created, cyclonedx.PhasePostBuild
	if d.Time.IsZero() {
		d.Time = s.in.Event.Time
	}
	d.SerialNumber = cyclonedx.SerialNumber(fairlead.Host, Name, root.Name, string(s.image.ID))
	b, err := cyclonedx.Encode(d)
	if err != nil {
		return nil, problem(fairlead.KindInternal, "", err)
	}
	return b, nil
}

func orService(name, service string) string {
	if name != "" {
		return name
	}
	return service
}

// properties say of which layers the image is, and which are the base's.
func (s *scan) properties() []cyclonedx.Property {
	out := []cyclonedx.Property{{Name: "fairlead:platform", Value: s.image.Platform}, {Name: "fairlead:image-id", Value: string(s.image.ID)}}
	if s.image.BaseName != "" {
		out = append(out, cyclonedx.Property{Name: "fairlead:base-name", Value: s.image.BaseName})
	}
	if s.image.BaseBy != "" {
		out = append(out, cyclonedx.Property{Name: "fairlead:base-told-by", Value: s.image.BaseBy})
	}
	for n, l := range s.image.Layers {
		out = append(out, cyclonedx.Property{Name: fmt.Sprintf("fairlead:layer:%03d", n+1), Value: string(l.Digest) + " " + string(l.Origin)})
	}
	return out
}

// out lists what is installed, judges, and reports. Findings do not fail the
// step: the gate decides what they mean.
func (s *scan) out(ctx context.Context, tree *containers.Tree) (step.Out, error) {
	found, err := inventory.Image(ctx, s.image, tree, inventory.Options{})
	if err != nil {
		return step.Out{}, err
	}
	declare(found.Components, tree)
	document, err := s.document(found, tree)
	if err != nil {
		return step.Out{}, err
	}
	digest, size, err := s.in.Blobs.Put(ctx, bytes.NewReader(document))
	if err != nil {
		return step.Out{}, problem(fairlead.KindUnavailable, "", err)
	}
	slices.Sort(s.long)
	s.long = slices.Compact(s.long)
	s.judge(ctx, tree)
	s.unread(found.Unreadable, tree)
	tell(s.in.Output, s.image, len(found.Components), s.findings)
	return step.Out{
		Outcome:   step.Done,
		Partial:   s.dropped > 0 || len(s.long) > 0,
		Missed:    s.missed(),
		Reason:    s.left(),
		Findings:  s.findings,
		Artifacts: []fairlead.Artifact{{Name: ArtifactName, Digest: digest, Size: size, Mode: 0o644}},
		Claims: []fairlead.Claim{
			{PredicateType: fairlead.PredicateSBOM, Predicate: document},
			{PredicateType: fairlead.PredicateScan, Predicate: step.Predicate(s.predicate())},
		},
		Measurements: []fairlead.Measurement{
			{Name: "components", Value: float64(len(found.Components)), Unit: "1"},
			{Name: "layers", Value: float64(len(s.image.Layers)), Unit: "1"},
		},
	}, nil
}

// predicate is what the scan claims. It names findings, never values.
type predicate struct {
	Tool     string           `json:"tool"`
	Version  string           `json:"version"`
	Image    fairlead.Digest  `json:"image"`
	Layers   []layer          `json:"layers"`
	Findings []findingSummary `json:"findings"`
}

type layer struct {
	Digest fairlead.Digest   `json:"digest"`
	Origin containers.Origin `json:"origin"`
}

type findingSummary struct {
	Rule        string            `json:"rule"`
	Severity    fairlead.Severity `json:"severity"`
	Path        string            `json:"path,omitempty"`
	Layer       string            `json:"layer,omitempty"`
	Fingerprint string            `json:"fingerprint"`
}

func (s *scan) predicate() predicate {
	p := predicate{Tool: Name, Version: version, Image: s.image.Digest, Layers: []layer{}, Findings: []findingSummary{}}
	if p.Image == "" {
		p.Image = s.image.ID
	}
	for _, l := range s.image.Layers {
		p.Layers = append(p.Layers, layer{l.Digest, l.Origin})
	}
	for _, f := range s.findings {
		p.Findings = append(p.Findings, findingSummary{f.Rule, f.Severity, f.Location.Path, f.Component.Layer, f.Fingerprint})
	}
	return p
}

// tell writes the task's output.
func tell(w io.Writer, img *containers.Image, components int, findings []fairlead.Finding) {
	for n, l := range img.Layers {
		fmt.Fprintf(w, "layer %d %s %s: %.80s\n", n+1, l.Digest.Short(), l.Origin, l.Command)
	}
	for _, f := range findings {
		fmt.Fprintf(w, "%s: %s (%s): %s\n", f.Location.Path, f.Rule, f.Severity, f.Message)
	}
	fmt.Fprintf(w, "%d components, %d findings\n", components, len(findings))
}

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "scan image", Kind: kind, Hint: hint, Err: err}
}
