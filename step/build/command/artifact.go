package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"fairlead.dev"
	"fairlead.dev/step"
)

const opCollect = "collect artifacts"

// checkPatterns refuses patterns that are malformed or lead out of the checkout.
func checkPatterns(patterns []string) error {
	for _, p := range patterns {
		if !doublestar.ValidatePattern(p) || p == "" || path.IsAbs(p) || slices.Contains(strings.Split(p, "/"), "..") {
			return &fairlead.Problem{
				Op: opCollect, Kind: fairlead.KindInvalid, Err: fmt.Errorf("artifact %q is not a path or glob inside the checkout", p),
				Hint: "write it relative to the root of the repository, without ..",
			}
		}
	}
	return nil
}

// collect stores every file that the patterns name, sorted by name. What is
// missing, or is not a regular file inside the workspace, is named in words.
func collect(ctx context.Context, in step.In, patterns []string) (artifacts []fairlead.Artifact, missing []string, err error) {
	// Everything is opened through root, which refuses links that lead out.
	root, err := os.OpenRoot(in.Workspace)
	if err != nil {
		return nil, nil, &fairlead.Problem{Op: opCollect, Kind: fairlead.KindInternal, Err: err}
	}
	defer root.Close()
	var names []string
	for _, p := range patterns {
		found, reason := match(root, p)
		if reason != "" {
			missing = append(missing, reason)
		}
		names = append(names, found...)
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		a, err := store(ctx, in.Blobs, root, name)
		if errors.Is(err, errNotArtifact) {
			missing = append(missing, err.Error())
		} else if err != nil {
			return nil, nil, &fairlead.Problem{Op: opCollect, Kind: kindOf(err), Err: err}
		}
		artifacts = append(artifacts, a)
	}
	return artifacts, missing, nil
}

// match finds the files of one pattern; the reason says why there are none.
func match(root *os.Root, pattern string) (names []string, reason string) {
	clean := path.Clean(pattern)
	if !strings.ContainsAny(pattern, `*?[{\`) {
		return []string{clean}, ""
	}
	found, err := doublestar.Glob(root.FS(), clean, doublestar.WithNoFollow(), doublestar.WithFilesOnly())
	switch {
	case err != nil:
		return nil, fmt.Sprintf("%s: %v", pattern, err)
	case len(found) == 0:
		return nil, pattern + " matches no file"
	}
	return found, ""
}

// errNotArtifact is for a name that is not a regular file of the workspace.
var errNotArtifact = errors.New("not an artifact")

type notArtifact struct{ text string }

func (e notArtifact) Error() string        { return e.text }
func (e notArtifact) Is(target error) bool { return target == errNotArtifact }

// store keeps one file's content.
func store(ctx context.Context, blobs step.Blobs, root *os.Root, name string) (fairlead.Artifact, error) {
	// A pipe or a device would block; only what is a file by name is opened.
	info, err := root.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fairlead.Artifact{}, notArtifact{name + " does not exist"}
	case err != nil:
		return fairlead.Artifact{}, notArtifact{fmt.Sprintf("%s is not inside the checkout: %v", name, cause(err))}
	case info.IsDir():
		return fairlead.Artifact{}, notArtifact{fmt.Sprintf("%s is a directory (write %s/** for all files in it)", name, name)}
	case !info.Mode().IsRegular():
		return fairlead.Artifact{}, notArtifact{name + " is not a regular file"}
	}
	f, err := root.Open(name)
	if err != nil {
		return fairlead.Artifact{}, notArtifact{fmt.Sprintf("%s cannot be read: %v", name, cause(err))}
	}
	defer f.Close()
	digest, size, err := blobs.Put(ctx, f)
	if err != nil {
		return fairlead.Artifact{}, fmt.Errorf("store %s: %w", name, err)
	}
	return fairlead.Artifact{Name: name, Digest: digest, Size: size, Mode: uint32(info.Mode().Perm())}, nil
}

// cause strips the path from a file error, which the caller names.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// kindOf keeps the kind of a problem; any other failure to store may pass.
func kindOf(err error) fairlead.Kind {
	if kind := fairlead.KindOf(err); kind != fairlead.KindInternal {
		return kind
	}
	return fairlead.KindUnavailable
}
