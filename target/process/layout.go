package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"fairlead.dev"
)

// shelf keeps laid-out releases: one read-only directory each, by release ID.
type shelf struct {
	dir   string
	blobs blobs
}

func (s shelf) path(release fairlead.Digest) string { return filepath.Join(s.dir, release.Hex()) }

// layOut makes the release's directory from kept content. One that is there
// and unchanged stays; one that was changed is replaced.
func (s shelf) layOut(r fairlead.Release) error {
	const op = "lay out release"
	if s.verify(r) == nil {
		return nil
	}
	tmp, err := os.MkdirTemp(s.dir, ".new-*")
	if err != nil {
		return unavailable(op, "", err)
	}
	defer func() { _ = removeAll(tmp) }()
	for _, a := range r.Artifacts {
		file := filepath.Join(tmp, filepath.FromSlash(a.Name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return unavailable(op, "", err)
		}
		mode := fs.FileMode(0o444)
		if a.Mode&0o111 != 0 {
			mode = 0o555
		}
		if err := s.blobs.copyTo(a.Digest, file, mode); err != nil {
			return err
		}
	}
	err = eachDir(tmp, func(dir string) error { return os.Chmod(dir, 0o555) })
	if err == nil {
		err = s.drop(r.ID)
	}
	if err == nil {
		err = errors.Join(os.Rename(tmp, s.path(r.ID)), syncDir(s.dir))
	}
	if err != nil {
		return unavailable(op, "", err)
	}
	return s.verify(r)
}

// verify tells whether the release's directory holds exactly its artifacts.
// Anything else is KindDenied with the file's name.
func (s shelf) verify(r fairlead.Release) error {
	const op, hint = "verify release", "somebody changed the agent's files; deliver the release again"
	root := s.path(r.ID)
	want := make(map[string]fairlead.Artifact, len(r.Artifacts))
	for _, a := range r.Artifacts {
		want[a.Name] = a
	}
	err := filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		a, ok := want[name]
		if !ok || !e.Type().IsRegular() {
			return fmt.Errorf("%s does not belong to the release", name)
		}
		delete(want, name)
		return sameContent(file, a)
	})
	if err != nil {
		return denied(op, hint, fmt.Errorf("release %s: %w", r.ID.Short(), err))
	}
	for name := range want {
		return denied(op, hint, fmt.Errorf("release %s: %s is missing", r.ID.Short(), name))
	}
	return nil
}

func sameContent(file string, a fairlead.Artifact) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	got, _, err := fairlead.DigestReader(f)
	if err != nil {
		return err
	}
	if got != a.Digest {
		return fmt.Errorf("%s was changed: its digest is %s, the release says %s", a.Name, got, a.Digest)
	}
	return nil
}

// drop removes a release's directory; one that is not there is no error.
func (s shelf) drop(release fairlead.Digest) error { return removeAll(s.path(release)) }

// removeAll removes a tree whose directories may be read-only.
func removeAll(root string) error {
	err := eachDir(root, func(dir string) error { return os.Chmod(dir, 0o700) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, os.RemoveAll(root))
}

func eachDir(root string, do func(string) error) error {
	return filepath.WalkDir(root, func(dir string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		return do(dir)
	})
}
