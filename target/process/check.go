package process

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"fairlead.dev/target"
)

// checkDesired checks what can be checked of a desired state by itself.
func checkDesired(d target.Desired) error {
	for _, w := range d.Releases {
		if w.Replicas > maxReplicas {
			return invalid("read desired state", fmt.Errorf("release %s: 0 to %d replicas (got %d)", w.Release.Short(), maxReplicas, w.Replicas))
		}
	}
	return d.Check()
}

// checkBundle checks what can be checked of a bundle without keys or content.
func checkBundle(at target.Place, b target.Bundle) error {
	const op = "read release"
	if err := b.Check(at); err != nil {
		return err
	}
	r := b.Release
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
	_, err := decodeConfig(r.Config)
	return err
}
