// Package inventory finds out what software is made of: the components of a
// source tree, a binary or a container image. It is the only place that knows
// osv-scalibr. Nothing it reads is trusted: every file is read inside limits,
// and a file that cannot be read is told, never passed over in silence.
package inventory

import (
	"cmp"
	"errors"
	"runtime/debug"
	"slices"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
)

// Tool is the name of the library that reads manifests.
const Tool = "osv-scalibr"

// Inventory is what was found.
type Inventory struct {
	Components []cyclonedx.Component // sorted by Ref
	Direct     []string              // Refs of those that the project names itself, sorted
	// Roots is whether every file told what the project names itself; when not,
	// Direct may lack some.
	Roots bool
	// Known says for a Ref whether all that it depends on is in its DependsOn.
	Known      map[string]cyclonedx.Aggregate
	Files      int // that were read, or should have been
	Unreadable []Unreadable
}

// Unreadable is a file that could not be read, so what it names is missing.
type Unreadable struct {
	Path string
	Err  error
}

// Document puts the inventory into a document about root; the caller adds
// serial number and time.
func (v Inventory) Document(root cyclonedx.Component) cyclonedx.Document {
	root.Ref = cmp.Or(root.Ref, "root")
	root.DependsOn = slices.Clone(v.Direct)
	if root.DependsOn == nil {
		root.DependsOn = []string{}
	}
	known := map[string]cyclonedx.Aggregate{root.Ref: cyclonedx.Incomplete}
	if v.Roots && len(v.Unreadable) == 0 {
		known[root.Ref] = cyclonedx.Complete
	}
	for ref, a := range v.Known {
		known[ref] = a
	}
	return cyclonedx.Document{
		Tool: cyclonedx.Tool{Name: Tool, Version: Version()}, Root: root, Components: v.Components, Known: known,
	}
}

// Version is the version of the library in this binary.
func Version() string {
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

var errLarge = errors.New("it is larger than what is read")

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "list components", Kind: kind, Hint: hint, Err: err}
}
