package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"

	"github.com/rogpeppe/go-internal/testscript"

	"fairlead.dev"
)

// cmdSame holds that two environments run the same bytes, by the record and by
// what lies on the target's disk: same FROM TO.
func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: same FROM TO")
	}
	from, to := newest(ts, args[0]), newest(ts, args[1])
	if len(from.Artifacts) == 0 || !slices.Equal(from.Artifacts, to.Artifacts) {
		ts.Fatalf("%s has %v, %s has %v", args[0], from.Artifacts, args[1], to.Artifacts)
	}
	for _, r := range []fairlead.Release{from, to} {
		for _, a := range r.Artifacts {
			path := ts.MkAbs(filepath.Join(".fairlead", "private", "agent", "releases", r.ID.Hex(), filepath.FromSlash(a.Name)))
			b, err := os.ReadFile(path)
			ts.Check(err)
			if digest := fairlead.DigestBytes(b); digest != a.Digest {
				ts.Fatalf("%s is %s, not %s", path, digest, a.Digest)
			}
		}
	}
}

// newest is the release of an environment's newest deployment.
func newest(ts *testscript.TestScript, environment string) fairlead.Release {
	ts.Check(ts.Exec("fairlead", "env", "show", environment, "--json"))
	var seen struct {
		History []fairlead.Deployment `json:"history"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &seen))
	return seen.History[0].Release
}
