package remedy

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
)

// Change brings one package of a manifest to a version.
type Change struct {
	Name string // as the ecosystem writes it; "stdlib" for Go itself
	From string // version that the scan saw
	To   string
}

// ErrIncomplete is in the chain of every error about a manifest that cannot be
// changed so that the change is all there is to do in it.
var ErrIncomplete = errors.New("the change cannot be made completely")

// Manifest gives the file that people edit to change what a lock file or a
// manifest names, "" when it is none that [Edit] knows.
func Manifest(file string) string {
	dir, base := path.Split(file)
	switch base {
	case "go.mod", "package.json":
		return file
	case "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml":
		return dir + "package.json"
	}
	if strings.HasPrefix(base, "requirements") && path.Ext(base) == ".txt" {
		return file
	}
	return ""
}

// number is a version that may be written into a manifest. It comes from a record
// of a vulnerability: what else that says must not become a part of the manifest,
// nor the name of another package.
var number = regexp.MustCompile(`^v?[0-9][0-9A-Za-z.+!~_-]*$`)

// Edit makes changes in a manifest, and changes nothing else of it: comments,
// order and spaces stay. file says what kind it is. Either all changes are made,
// or the error, an [ErrIncomplete], says which could not be.
func Edit(file string, content []byte, changes []Change) ([]byte, error) {
	edit := editRequirements
	switch path.Base(file) {
	case "go.mod":
		edit = editGoMod
	case "package.json":
		edit = editPackageJSON
	}
	var failed []error
	for _, c := range changes {
		if !number.MatchString(c.To) {
			failed = append(failed, fmt.Errorf("%s: %s: %w", file, c.Name, incomplete("%q is not a version", c.To)))
			continue
		}
		edited, err := edit(content, c)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %s %s to %s: %w", file, c.Name, c.From, c.To, err))
			continue
		}
		content = edited
	}
	return content, errors.Join(failed...)
}

// After is what has to be done when a manifest was changed, so that what depends
// on it follows; "" for nothing.
func After(file string, locks []string) string {
	has := func(name string) bool {
		for _, l := range locks {
			if path.Base(l) == name {
				return true
			}
		}
		return false
	}
	switch path.Base(file) {
	case "go.mod":
		return "go mod tidy"
	case "package.json":
		switch {
		case has("pnpm-lock.yaml"):
			return "pnpm install"
		case has("yarn.lock"):
			return "yarn install"
		}
		return "npm install"
	}
	return ""
}

func incomplete(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrIncomplete, fmt.Sprintf(format, args...))
}

// splice puts text in the place of the bytes from one offset to another.
func splice(content []byte, from, to int, text string) []byte {
	out := make([]byte, 0, len(content)+len(text))
	out = append(out, content[:from]...)
	out = append(out, text...)
	return append(out, content[to:]...)
}
