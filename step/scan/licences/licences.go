// Package licences is the step type scan.licences: it finds out under what terms
// the components of the bill of materials may be used, judges them by a policy,
// and leaves the notices that have to be passed on.
package licences

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/bmatcuk/doublestar/v4"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/licence"
	"fairlead.dev/step"
)

// Name is the step type's name, and the tool of its findings.
const Name = "scan.licences"

// NoticesName is the name of the artifact with the notices.
const NoticesName = "third-party-notices.txt"

// noticesType is the media type of the notices.
const noticesType = "text/plain"

// version is that of the rules in here: raise it when they find something else.
const version = "2"

//go:embed licences.md
var doc string

// Config is the step's configuration.
type Config struct {
	SBOM         string   `json:"sbom" doc:"path of the bill of materials, as an earlier task has left it"`
	Allow        []string `json:"allow" doc:"licences that may be used: identifiers of SPDX, globs over them, or classes" example:"[permissive, MPL-2.0]"`
	Ask          []string `json:"ask" doc:"licences that somebody has to judge" example:"['GPL-*']"`
	Deny         []string `json:"deny" doc:"licences that may not be used" example:"[network-copyleft]"`
	Otherwise    string   `json:"otherwise" doc:"what holds for a licence that no entry names" enum:"allow,ask,deny"`
	Organisation Rules    `json:"organisation" doc:"further rules, as of an organisation, which can only make a verdict heavier"`
	Dev          bool     `json:"dev" doc:"whether to judge what only building and testing need"`
	Exclude      []string `json:"exclude" doc:"globs of paths whose licence files are passed over" example:"['testdata/**']"`
	Notices      bool     `json:"notices" doc:"whether to leave a file with the notices of all components"`
}

// Rules are lists of licences.
type Rules struct {
	Ask  []string `json:"ask" doc:"licences that somebody has to judge, whoever allows them"`
	Deny []string `json:"deny" doc:"licences that may not be used, whoever allows them"`
}

// Type describes scan.licences.
func Type() step.Type {
	usual := licence.Default()
	return step.Type{
		Version:  licence.Version() + " rules " + version,
		Name:     Name,
		Title:    "judge the licences of components",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true, Confined: true, Cache: true, Memory: 1024},
		Consumes: []string{cyclonedx.MediaType},
		Produces: []string{fairlead.PredicateScan, noticesType},
		Config: Config{
			SBOM: "sbom.cdx.json", Allow: usual.Allow, Ask: usual.Ask, Deny: usual.Deny, Otherwise: string(usual.Otherwise),
			Organisation: Rules{Ask: []string{}, Deny: []string{}}, Exclude: []string{}, Notices: true,
		},
		Run: run,
	}
}

func run(ctx context.Context, in step.In) (step.Out, error) {
	config := step.ConfigOf[Config](in)
	if err := config.check(); err != nil {
		return step.Out{}, err
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
	places, done := placesOf(in.Env, root.FS())
	defer done()
	s := scan{in: in, config: config, root: root, finder: licence.NewFinder(places)}
	kept := memory(in.Cache)
	s.finder.Recall(kept.read())
	if err := s.components(ctx, document); err != nil {
		return step.Out{}, err
	}
	if err := fs.WalkDir(root.FS(), ".", s.visit(ctx)); err != nil {
		return step.Out{}, problem(cmp.Or(fairlead.KindOf(err), fairlead.KindUnavailable), "", err)
	}
	kept.write(s.finder.Kept())
	return s.out(ctx, document)
}

// policies are the configured one and the organisation's.
func (c Config) policies() (own, organisation licence.Policy) {
	own = licence.Policy{Allow: c.Allow, Ask: c.Ask, Deny: c.Deny, Otherwise: licence.Verdict(c.Otherwise)}
	return own, licence.Policy{Ask: c.Organisation.Ask, Deny: c.Organisation.Deny, Otherwise: licence.Allow}
}

func (c Config) check() error {
	own, organisation := c.policies()
	err := errors.Join(own.Check(), organisation.Check())
	for _, g := range c.Exclude {
		if !doublestar.ValidatePattern(g) {
			err = errors.Join(err, fmt.Errorf("%q is not a glob", g))
		}
	}
	if err != nil {
		return problem(fairlead.KindInvalid, "`fairlead explain scan.licences` lists what a policy is made of", err)
	}
	return nil
}

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "judge licences", Kind: kind, Hint: hint, Err: err}
}
