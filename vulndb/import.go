package vulndb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"fairlead.dev"
	"fairlead.dev/purl"
	"golang.org/x/sys/unix"
)

// Input is one thing to import.
type Input struct {
	Path    string // file, archive or directory
	Name    string // of the source; "" = by its content
	Origin  string // where it came from; "" = Path
	Licence string
	Shrink  bool // it may take many records from its source
}

// Change says what an import changed.
type Change struct {
	Before   fairlead.Digest `json:"before,omitempty"` // "" when there was no database
	After    fairlead.Digest `json:"after"`
	Sources  []Source        `json:"sources"` // as imported
	Added    []string        `json:"added,omitempty"`
	Changed  []string        `json:"changed,omitempty"`
	Removed  []string        `json:"removed,omitempty"`
	Packages []purl.Key      `json:"packages,omitempty"` // whose vulnerabilities may be others now, by ecosystem and name
	Passed   []Passed        `json:"passed,omitempty"`
}

// Passed are the files of an archive or a directory that are no records, and
// that nothing was read from.
type Passed struct {
	Path  string `json:"path"`
	Files int    `json:"files"`
}

// Import reads inputs into the database at path, all or none, and puts the new
// database in the place of the old one. What an archive or a directory no
// longer has is removed, unless another source has it; a single record is added
// to what its source has. No archive replaces a record by an older form of itself.
// An input that is malformed or too large is KindInvalid, one that would take a
// good part of a source away KindConflict, and leaves everything as it was.
// Imports take turns.
func Import(ctx context.Context, path string, now time.Time, inputs ...Input) (Change, error) {
	unlock, err := lock(ctx, path)
	if err != nil {
		return Change{}, err
	}
	defer unlock()
	temp, err := workingCopy(path)
	if err != nil {
		return Change{}, importProblem(fairlead.KindUnavailable, "", err)
	}
	defer discard(temp)
	change, err := rebuild(ctx, temp, now, inputs)
	if err != nil {
		return Change{}, err
	}
	if err := publish(temp, path); err != nil {
		return Change{}, importProblem(fairlead.KindUnavailable, "", err)
	}
	return change, nil
}

// lock makes imports into one file take turns.
func lock(ctx context.Context, path string) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, importProblem(fairlead.KindUnavailable, "", err)
	}
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, importProblem(fairlead.KindUnavailable, "", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil // closing gives the lock back
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(importProblem(fairlead.KindUnavailable, "", err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(importProblem(fairlead.KindCancelled, "another import is going on", context.Cause(ctx)), f.Close())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// workingCopy gives a copy of the database to write in, or an empty file. What
// an import that died has left is removed: the lock is held.
func workingCopy(path string) (string, error) {
	temp := path + ".new"
	discard(temp)
	to, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	from, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return temp, to.Close()
	}
	if err != nil {
		return "", errors.Join(err, to.Close())
	}
	_, err = io.Copy(to, from)
	return temp, errors.Join(err, from.Close(), to.Close())
}

// discard removes a working copy with everything beside it.
func discard(temp string) {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		os.Remove(temp + suffix) // what is left is removed by the next import
	}
}

// publish puts a finished file in the place of the database.
func publish(temp, path string) error {
	f, err := os.OpenFile(temp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// rebuild reads the inputs into a working copy, in one transaction.
func rebuild(ctx context.Context, temp string, now time.Time, inputs []Input) (change Change, err error) {
	u := url.URL{Scheme: "file", OmitHost: true, Path: temp, RawQuery: url.Values{"_pragma": {
		"journal_mode(wal)", "synchronous(off)", "temp_store(memory)", "cache_size(-65536)",
	}}.Encode()}
	handle, err := sql.Open("sqlite", u.String())
	if err != nil {
		return change, importProblem(fairlead.KindInternal, "", err)
	}
	handle.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, handle.Close()) }()
	b, err := newBuilder(ctx, handle, now)
	if err != nil {
		return change, err
	}
	defer b.tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for _, in := range inputs {
		if err := b.read(ctx, in); err != nil {
			return change, err
		}
	}
	change, err = b.finish(ctx)
	if err != nil {
		return change, err
	}
	// A published file has no log beside it: it is read without locks.
	if _, err := handle.ExecContext(ctx, "PRAGMA journal_mode = delete"); err != nil {
		return change, importProblem(fairlead.KindUnavailable, "", err)
	}
	return change, nil
}

func importProblem(kind fairlead.Kind, hint string, err error) error {
	if errors.Is(err, context.Canceled) {
		kind, hint = fairlead.KindCancelled, ""
	}
	var p *fairlead.Problem
	if errors.As(err, &p) {
		return err
	}
	if kind == fairlead.KindUnavailable && hint == "" {
		hint = "check the space and the permissions of the directory"
	}
	return &fairlead.Problem{Op: "import vulnerabilities", Kind: kind, Hint: hint, Err: err}
}

// invalid is the problem of an input that is not what it should be.
func invalid(in Input, err error) error {
	return importProblem(fairlead.KindInvalid, "nothing was imported; the database is as it was",
		fmt.Errorf("%s: %w", in.Path, err))
}
