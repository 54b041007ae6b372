package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"fairlead.dev"
	"fairlead.dev/gate"
)

// organisation gives the reader of the organisation's policy: the .rego files of
// FAIRLEAD_POLICY, or of the directory policy in the state directory, and of the
// directories in it. One that
// is named and not there is an error, so that nothing passes without it.
func organisation(h home, env variables) func(context.Context) ([]fairlead.PolicyModule, error) {
	named := env["FAIRLEAD_POLICY"]
	dir := cmp.Or(named, filepath.Join(h.root, "policy"))
	return func(context.Context) ([]fairlead.PolicyModule, error) {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) && named == "" {
			return nil, nil
		}
		return readPolicy(dir)
	}
}

// readPolicy reads a policy and checks it.
func readPolicy(dir string) ([]fairlead.PolicyModule, error) {
	const hint = "FAIRLEAD_POLICY names a directory with files in Rego, *.rego"
	if _, err := os.Stat(dir); err != nil {
		return nil, &fairlead.Problem{Op: "read organisation policy", Kind: fairlead.KindInvalid, Err: err, Hint: hint}
	}
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && filepath.Ext(name) == ".rego" {
			names = append(names, name)
		}
		return err
	})
	if err == nil && len(names) == 0 {
		err = errors.New("there is no *.rego in " + dir)
	}
	var modules []fairlead.PolicyModule
	for _, name := range names {
		text, rerr := os.ReadFile(filepath.Join(dir, name))
		err = errors.Join(err, rerr)
		modules = append(modules, fairlead.PolicyModule{Name: name, Text: string(text)})
	}
	if err != nil {
		return nil, &fairlead.Problem{Op: "read organisation policy", Kind: fairlead.KindInvalid, Err: err, Hint: hint}
	}
	return modules, gate.CheckOrganisation(modules)
}
