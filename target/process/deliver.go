package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/target"
)

// keptReleases is how many releases beyond those in use a place keeps.
const keptReleases = 10

// deliver verifies the bundle and keeps the release. Its content was sent
// before. Delivering it again changes nothing, but repairs what was changed on
// disk.
func (a *agent) deliver(at target.Place, b target.Bundle) error {
	if err := at.Check(); err != nil {
		return err
	}
	if err := checkBundle(at, b); err != nil {
		return err
	}
	if err := a.host.verify.Papers(at, b); err != nil {
		return err
	}
	if err := a.unshared(at, b.Release.Config); err != nil {
		return err
	}
	// One at a time, so that sweeping never meets a release half there.
	a.delivering.Lock()
	defer a.delivering.Unlock()
	if err := a.host.shelf.layOut(b.Release); err != nil {
		return err
	}
	p, err := a.place(at)
	if err != nil {
		return err
	}
	if err := writeBundle(p.bundlePath(b.Release.ID), b); err != nil {
		return err
	}
	p.delivered(b.Release.ID)
	if err := a.sweep(p); err != nil {
		a.host.log.Warn("old releases not removed", "error", err)
	}
	return nil
}

// unshared refuses a release for an address at which another place serves: a
// service that was given another name would meet none of the rules that hold
// where it is live.
func (a *agent) unshared(at target.Place, raw json.RawMessage) error {
	c, err := decodeConfig(raw)
	if err != nil {
		return nil //nolint:nilerr // what is wrong with it is told when it is started
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for other, p := range a.places {
		if other == at || p.address() != c.Listen {
			continue
		}
		return &fairlead.Problem{
			Op: "deliver release", Kind: fairlead.KindDenied,
			Err:  fmt.Errorf("%s is where %s of %s is served, whose rules hold there", c.Listen, other.Service, other.Environment),
			Hint: "keep the names of service and environment, or give it an address of its own with the target's key listen",
		}
	}
	return nil
}

// sweep removes the releases that p used longest ago and whatever content
// nobody refers to any more.
func (a *agent) sweep(p *place) error {
	dir := a.host.under("places", p.at)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(x, y fs.DirEntry) int { return modified(y).Compare(modified(x)) })
	used, kept := p.releases(), 0
	var errs []error
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		release := fairlead.Digest("sha256:" + name)
		if !ok || used[release] {
			continue
		}
		if kept++; kept > keptReleases {
			errs = append(errs, os.Remove(filepath.Join(dir, e.Name())), os.RemoveAll(p.logs(release)))
		}
	}
	if kept <= keptReleases {
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, a.sweepShelf())...)
}

// sweepShelf removes releases and content that no bundle of any place names.
func (a *agent) sweepShelf() error {
	bundles, err := filepath.Glob(filepath.Join(escapeGlob(a.host.dir), "places", "*", "*", "*.json"))
	if err != nil {
		return err
	}
	releases, content := map[string]bool{}, map[fairlead.Digest]bool{}
	for _, path := range bundles {
		b, err := readBundle(path)
		if err != nil {
			return err
		}
		releases[b.Release.ID.Hex()] = true
		for _, art := range b.Release.Artifacts {
			content[art.Digest] = true
		}
	}
	entries, err := os.ReadDir(a.host.shelf.dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if !releases[e.Name()] {
			errs = append(errs, removeAll(filepath.Join(a.host.shelf.dir, e.Name())))
		}
	}
	return errors.Join(append(errs, a.host.shelf.blobs.sweep(content))...)
}

func modified(e fs.DirEntry) time.Time {
	info, err := e.Info()
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func writeBundle(path string, b target.Bundle) error {
	const op = "keep release"
	raw, err := json.Marshal(b)
	if err != nil {
		return &fairlead.Problem{Op: op, Kind: fairlead.KindInternal, Err: err}
	}
	err = os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = writeFile(path, raw, 0o600)
	}
	if err != nil {
		return unavailable(op, "", err)
	}
	return nil
}

// readBundle reads what deliver kept. None is KindNotFound; one that cannot be
// read was changed, and is KindDenied.
func readBundle(path string) (target.Bundle, error) {
	const op = "read release"
	var b target.Bundle
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return b, &fairlead.Problem{
			Op: op, Kind: fairlead.KindNotFound, Hint: "deliver it first",
			Err: fmt.Errorf("release %s is not here: it was never delivered, or was dropped since", strings.TrimSuffix(filepath.Base(path), ".json")),
		}
	}
	if err != nil {
		return b, unavailable(op, "", err)
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		return b, denied(op, "deliver the release again", fmt.Errorf("%s was changed: %w", path, err))
	}
	if name := strings.TrimSuffix(filepath.Base(path), ".json"); b.Release.ID.Hex() != name || b.Release.Identify().ID != b.Release.ID {
		return b, denied(op, "deliver the release again", fmt.Errorf("%s was changed", path))
	}
	return b, nil
}

// escapeGlob makes a path match only itself in a pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
