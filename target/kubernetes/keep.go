package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// keptReleases is how many releases a place keeps: those used longest ago go.
const keptReleases = 20

// maxContent bounds one file that a release needs here: manifests, values and
// image references. An API server takes no larger object either.
const maxContent = 1 << 20

// maxRelease bounds all such files of a release together, and what a chart makes.
const maxRelease = 16 << 20

// shelf keeps the releases that were delivered, with what is needed to apply
// them again. It may be used by several processes at once.
type shelf struct{ dir string }

func (s shelf) place(at target.Place) string {
	return filepath.Join(s.dir, "places", at.Environment, at.Service)
}

func (s shelf) content(d fairlead.Digest) string {
	return filepath.Join(s.dir, "content", d.Hex())
}

// keep puts a bundle and the content that it needs on the shelf.
func (s shelf) keep(ctx context.Context, at target.Place, b target.Bundle, needed []fairlead.Artifact, open target.Content) error {
	const op = "keep release"
	for _, a := range needed {
		if a.Size > maxContent {
			return invalid(op, "keep manifests and image references small files", fmt.Errorf("%s has %d bytes, at most %d fit", a.Name, a.Size, maxContent))
		}
		if _, err := s.read(a); err == nil {
			continue
		}
		if err := s.fetch(ctx, a, open); err != nil {
			return err
		}
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return &fairlead.Problem{Op: op, Kind: fairlead.KindInternal, Err: err}
	}
	if err := writeFile(filepath.Join(s.place(at), b.Release.ID.Hex()+".json"), raw); err != nil {
		return unavailable(op, "is the disk full or read-only?", err)
	}
	return s.sweep(at)
}

func (s shelf) fetch(ctx context.Context, a fairlead.Artifact, open target.Content) error {
	const op = "keep release"
	r, err := open(ctx, a.Digest)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", op, a.Name, err)
	}
	raw, err := io.ReadAll(io.LimitReader(r, maxContent+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return unavailable(op, "", err)
	}
	if fairlead.DigestBytes(raw) != a.Digest {
		return denied(op, "run the delivery again", fmt.Errorf("%s was changed after it was built", a.Name))
	}
	if err := writeFile(s.content(a.Digest), raw); err != nil {
		return unavailable(op, "is the disk full or read-only?", err)
	}
	return nil
}

// read gives an artifact's bytes, which are those it was signed with.
func (s shelf) read(a fairlead.Artifact) ([]byte, error) {
	raw, err := os.ReadFile(s.content(a.Digest))
	if err != nil {
		return nil, &fairlead.Problem{Op: "read release", Kind: fairlead.KindNotFound, Err: err, Hint: "deliver the release again"}
	}
	if fairlead.DigestBytes(raw) != a.Digest {
		return nil, denied("read release", "deliver the release again", fmt.Errorf("%s was changed", a.Name))
	}
	return raw, nil
}

// bundle gives a bundle that was kept. None is KindNotFound, a changed one
// KindDenied.
func (s shelf) bundle(at target.Place, release fairlead.Digest) (target.Bundle, error) {
	const op = "read release"
	var b target.Bundle
	path := filepath.Join(s.place(at), release.Hex()+".json")
	raw, err := os.ReadFile(path) //nolint:gosec // below our own directory, named by a digest
	if errors.Is(err, fs.ErrNotExist) {
		return b, &fairlead.Problem{
			Op: op, Kind: fairlead.KindNotFound, Hint: "deliver it first",
			Err: fmt.Errorf("release %s is not here: it was never delivered, or was dropped since", release.Short()),
		}
	}
	if err != nil {
		return b, unavailable(op, "", err)
	}
	if err := json.Unmarshal(raw, &b); err != nil || b.Release.ID != release {
		return b, denied(op, "deliver the release again", fmt.Errorf("%s was changed", path))
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // used just now: the last to be dropped
	return b, nil
}

// remember keeps the config by which a place is looked at.
func (s shelf) remember(at target.Place, config json.RawMessage) error {
	path := filepath.Join(s.place(at), "config")
	if old, err := os.ReadFile(path); err == nil && string(old) == string(config) { //nolint:gosec // below our own directory
		return nil
	}
	if err := writeFile(path, config); err != nil {
		return unavailable("keep target config", "is the disk full or read-only?", err)
	}
	return nil
}

// config gives what remember kept; nil for a place never heard of.
func (s shelf) config(at target.Place) (json.RawMessage, error) {
	raw, err := os.ReadFile(filepath.Join(s.place(at), "config"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable("read target config", "", err)
	}
	return raw, nil
}

// sweep drops the bundles used longest ago.
func (s shelf) sweep(at target.Place) error {
	paths, err := os.ReadDir(s.place(at))
	if err != nil {
		return unavailable("keep release", "", err)
	}
	paths = slices.DeleteFunc(paths, func(e fs.DirEntry) bool { return !strings.HasSuffix(e.Name(), ".json") })
	slices.SortFunc(paths, func(a, b fs.DirEntry) int { return used(b).Compare(used(a)) })
	for _, e := range paths[min(len(paths), keptReleases):] {
		if err := os.Remove(filepath.Join(s.place(at), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unavailable("drop old release", "", err)
		}
	}
	return nil
}

func used(e fs.DirEntry) time.Time {
	info, err := e.Info()
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// writeFile writes a file whole or not at all.
func writeFile(path string, raw []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
