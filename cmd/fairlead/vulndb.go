package main

import (
	"context"
	"path/filepath"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/vulndb"
)

// vulndb gives the file of the database of vulnerabilities.
func (v variables) vulndb(h home, s cli.Settings) string {
	for _, path := range []string{s.VulnDB, v["FAIRLEAD_VULNDB"]} {
		if path == "" {
			continue
		}
		if abs, err := filepath.Abs(path); err == nil {
			return abs
		}
		return path
	}
	return filepath.Join(h.root, "vulndb.sqlite")
}

// advisories gives tasks the database as it is when they start.
func advisories(path string) func(context.Context) (string, fairlead.Digest, error) {
	return func(ctx context.Context) (string, fairlead.Digest, error) {
		db, err := vulndb.Open(ctx, path)
		if fairlead.KindOf(err) == fairlead.KindNotFound {
			return "", "", nil
		}
		if err != nil {
			return "", "", err
		}
		defer db.Close()
		state, err := db.State(ctx)
		return path, state.Digest, err
	}
}
