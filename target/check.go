package target

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"fairlead.dev"
)

// placeName is the form of an environment's and a service's name. It is a
// safe name of a directory.
var placeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Check holds both names to the form that every target can keep: KindInvalid.
func (at Place) Check() error {
	for _, n := range [][2]string{{"environment", at.Environment}, {"service", at.Service}} {
		if !placeName.MatchString(n[1]) {
			return invalid("name place", fmt.Errorf("%s: must be letters, digits, dots, hyphens and underscores (got %q)", n[0], n[1]))
		}
	}
	return nil
}

// Check holds what can be held of a desired state by itself: KindInvalid.
func (d Desired) Check() error {
	const op = "read desired state"
	sum, seen := 0, map[fairlead.Digest]bool{}
	for _, w := range d.Releases {
		if _, err := fairlead.ParseDigest(string(w.Release)); err != nil {
			return invalid(op, err)
		}
		switch {
		case seen[w.Release]:
			return invalid(op, fmt.Errorf("release %s is wanted twice", w.Release.Short()))
		case w.Replicas < 0:
			return invalid(op, fmt.Errorf("release %s: replicas cannot be negative (got %d)", w.Release.Short(), w.Replicas))
		case w.Weight < 0 || w.Weight > 100:
			return invalid(op, fmt.Errorf("release %s: a weight is a percentage (got %d)", w.Release.Short(), w.Weight))
		case w.Weight > 0 && w.Replicas == 0:
			return invalid(op, fmt.Errorf("release %s has weight %d but no replicas", w.Release.Short(), w.Weight))
		}
		seen[w.Release] = true
		sum += w.Weight
	}
	if sum != 0 && sum != 100 {
		return invalid(op, fmt.Errorf("weights sum to 100 or to 0 (got %d)", sum))
	}
	return nil
}

// Check holds what can be held of a bundle for a place without keys or
// content. What was changed is KindDenied, what never was right KindInvalid.
func (b Bundle) Check(at Place) error {
	const op = "read release"
	r := b.Release
	if r.ID != r.Identify().ID {
		return denied(op, "the release was changed after it was named", fmt.Errorf("its content does not have the digest %s", r.ID))
	}
	if r.Service != at.Service {
		return denied(op, "", fmt.Errorf("it is a release of %q, not of %q", r.Service, at.Service))
	}
	if env := string(b.Decision.Envelope); env == "" || env == "null" {
		return denied(op, "release through a run: its gate signs the decision", errors.New("there is no signed decision"))
	}
	return checkArtifacts(r.Artifacts)
}

// checkArtifacts holds every name inside the release, and every file apart.
func checkArtifacts(artifacts []fairlead.Artifact) error {
	const op = "read release"
	files := map[string]bool{}
	for _, a := range artifacts {
		if _, err := fairlead.ParseDigest(string(a.Digest)); err != nil {
			return invalid(op, fmt.Errorf("artifact %q: %w", a.Name, err))
		}
		if a.Name == "." || path.Clean(a.Name) != a.Name || !filepath.IsLocal(a.Name) || strings.ContainsAny(a.Name, "\\\x00") {
			return invalid(op, fmt.Errorf("artifact %q: not a plain path inside the release", a.Name))
		}
		if a.Size < 0 {
			return invalid(op, fmt.Errorf("artifact %q: negative size", a.Name))
		}
		if files[a.Name] {
			return invalid(op, fmt.Errorf("artifact %q is there twice", a.Name))
		}
		files[a.Name] = true
	}
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if files[dir] {
				return invalid(op, fmt.Errorf("artifact %q is inside another artifact", name))
			}
		}
	}
	return nil
}

// Verifier decides by signatures whether a bundle may run in a place.
type Verifier func(Place, Bundle) error

// Papers verifies the release's decision and build evidence. A refusal is
// KindDenied; a nil Verifier trusts nobody.
func (v Verifier) Papers(at Place, b Bundle) error {
	const op = "verify release"
	if v == nil {
		return denied(op, "give the target keys to trust", errors.New("this target trusts nobody"))
	}
	err := v(at, b)
	var p *fairlead.Problem
	if err == nil || errors.As(err, &p) {
		return err
	}
	return denied(op, "", err)
}

func invalid(op string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: err}
}

func denied(op, hint string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindDenied, Hint: hint, Err: err}
}
