package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fairlead.dev"
)

// scope gives the name of this state directory, made once. Repositories that
// share a database tell by it what each of them can execute: processes share
// runs when they share the state directory.
func (h home) scope() (string, error) {
	path := filepath.Join(h.private(), "id")
	if b, err := os.ReadFile(path); err == nil {
		return strings.TrimSpace(string(b)), nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", scopeProblem(err)
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: see crypto/rand
	tmp, err := os.CreateTemp(h.private(), "id-")
	if err != nil {
		return "", scopeProblem(err)
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(hex.EncodeToString(b[:]) + "\n")
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return "", scopeProblem(err)
	}
	// The first process wins; a link is there completely or not at all.
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", scopeProblem(err)
	}
	made, err := os.ReadFile(path) //nolint:gosec // a file of our own
	if err != nil {
		return "", scopeProblem(err)
	}
	return strings.TrimSpace(string(made)), nil
}

func scopeProblem(err error) error {
	return &fairlead.Problem{
		Op: "name state directory", Kind: fairlead.KindUnavailable, Err: err,
		Hint: "is the disk full or read-only? --state names another place",
	}
}
