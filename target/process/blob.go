package process

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"fairlead.dev"
)

// blobs keeps content by digest in a directory.
type blobs struct{ dir string }

func (b blobs) path(d fairlead.Digest) string { return filepath.Join(b.dir, d.Hex()) }

func (b blobs) has(d fairlead.Digest) bool {
	now := time.Now()
	// The new time keeps it from being swept before it is used.
	return os.Chtimes(b.path(d), now, now) == nil
}

// put keeps the content of r, which must have the digest d; otherwise nothing
// is kept and the problem is KindDenied.
func (b blobs) put(d fairlead.Digest, r io.Reader) error {
	const op = "keep content"
	f, err := os.CreateTemp(b.dir, ".new-*")
	if err != nil {
		return unavailable(op, "", err)
	}
	defer os.Remove(f.Name())
	got, err := copyHashed(f, r)
	if err != nil {
		return unavailable(op, "", errors.Join(err, f.Close()))
	}
	if got != d {
		_ = f.Close()
		return denied(op, "the content was changed on its way or at its source", fmt.Errorf("content of %s has the digest %s", d, got))
	}
	err = errors.Join(f.Chmod(0o400), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), b.path(d))
	}
	if err != nil {
		return unavailable(op, "", err)
	}
	return nil
}

// copyTo writes the content of d to path, which must not exist, and has it on
// disk when it returns. Content that changed where it is kept is KindDenied
// and is dropped, so that it can be sent again.
func (b blobs) copyTo(d fairlead.Digest, path string, mode os.FileMode) error {
	const op = "lay out release"
	src, err := os.Open(b.path(d))
	if err != nil {
		return conflict(op, "send the content first", fmt.Errorf("content %s is not here", d))
	}
	defer src.Close()
	dst, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return unavailable(op, "", err)
	}
	got, err := copyHashed(dst, src)
	if err = errors.Join(err, dst.Chmod(mode), dst.Sync(), dst.Close()); err != nil {
		return unavailable(op, "", err)
	}
	if got != d {
		_ = os.Remove(b.path(d))
		return denied(op, "deliver the release again", fmt.Errorf("kept content of %s was changed", d))
	}
	return nil
}

// sweep drops content that no release needs and nobody touched for an hour.
func (b blobs) sweep(needed map[fairlead.Digest]bool) error {
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || needed[fairlead.Digest("sha256:"+e.Name())] || time.Since(info.ModTime()) < time.Hour {
			continue
		}
		errs = append(errs, os.Remove(filepath.Join(b.dir, e.Name())))
	}
	return errors.Join(errs...)
}

// copyHashed copies all of r to w and gives the digest of what passed.
func copyHashed(w io.Writer, r io.Reader) (fairlead.Digest, error) {
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, h), r); err != nil {
		return "", err
	}
	return fairlead.Digest("sha256:" + hex.EncodeToString(h.Sum(nil))), nil
}
