package process

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"fairlead.dev"
	"fairlead.dev/target"
)

// placeName is the form of an environment's and a service's name. It is a
// safe name of a directory.
var placeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

func checkPlace(at target.Place) error {
	for what, name := range map[string]string{"environment": at.Environment, "service": at.Service} {
		if !placeName.MatchString(name) {
			return invalid("name place", fmt.Errorf("%s: must be letters, digits, dots, hyphens and underscores (got %q)", what, name))
		}
	}
	return nil
}

// checkWanted checks what can be checked of a desired state by itself.
func checkWanted(d target.Desired) error {
	const op = "read desired state"
	sum, seen := 0, map[fairlead.Digest]bool{}
	for _, w := range d.Releases {
		if _, err := fairlead.ParseDigest(string(w.Release)); err != nil {
			return invalid(op, err)
		}
		switch {
		case seen[w.Release]:
			return invalid(op, fmt.Errorf("release %s is wanted twice", w.Release.Short()))
		case w.Replicas < 0 || w.Replicas > maxReplicas:
			return invalid(op, fmt.Errorf("release %s: 0 to %d replicas (got %d)", w.Release.Short(), maxReplicas, w.Replicas))
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

// checkBundle checks what can be checked of a bundle without keys or content.
func checkBundle(at target.Place, b target.Bundle) error {
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
	if len(r.Command) == 0 || r.Command[0] == "" {
		return invalid(op, errors.New("it does not say which command starts it"))
	}
	if strings.Contains(r.Command[0], "/") && !path.IsAbs(r.Command[0]) && !filepath.IsLocal(r.Command[0]) {
		return invalid(op, fmt.Errorf("command %q leaves the release", r.Command[0]))
	}
	for name, value := range r.Env {
		if !envName.MatchString(name) || strings.HasPrefix(name, reserved) || strings.ContainsRune(value, 0) {
			return invalid(op, fmt.Errorf("env: %q cannot be set for a replica", name))
		}
	}
	if _, err := decodeConfig(r.Config); err != nil {
		return err
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
