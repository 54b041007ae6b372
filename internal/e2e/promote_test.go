package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"fairlead.dev"
	"fairlead.dev/internal/pgtest"
)

var promotes = []string{"promote", "--from", "staging", "--to", "production"}

// TestPromotionKilledOnItsWay: wherever the control plane dies, the promotion
// is finished by the next one, and nothing is built or proven twice.
func TestPromotionKilledOnItsWay(t *testing.T) {
	t.Parallel()
	l := newLab(t, "")
	l.must(promotes...) // so that those that follow replace something in production
	l.commit("2")
	l.must("run")
	points := l.points(promotes...)
	if len(points) < 15 {
		t.Fatalf("only %d checkpoints: %v", len(points), points)
	}
	for i, point := range points {
		if i%3 != 0 || testing.Short() && i%9 != 0 { // TestKilledAtEveryStep kills a rollout everywhere
			continue
		}
		version := fmt.Sprintf("promoted-%d", i)
		l.commit(version)
		l.must("run")
		l.killAt(point, promotes...)
		l.holdFinished(point)
		l.holdEffects(version, point)
		if out := l.must("env", "show", "production"); !strings.Contains(out, "promoted from staging, run r") {
			t.Errorf("%s:\n%s", point, out)
		}
	}
}

// must does a command that has to succeed and gives what it says.
func (l *lab) must(args ...string) string {
	l.t.Helper()
	out, err := l.fairlead(nil, args...).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}

// TestPromotionBelongsToItsScope: of a shared PostgreSQL only the state
// directory that released something can promote it or take its evidence back.
func TestPromotionBelongsToItsScope(t *testing.T) {
	database := pgtest.Start(t)
	a, b := newLabOf(t, database, "alpha"), newLabOf(t, database, "beta")
	b.refused(1, "was released to staging from another repository", append(promotes, "--service", "alpha")...)
	out, err := a.fairlead(nil, "evidence", "list", "--json").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var left []struct {
		ID     string `json:"id"`
		TaskID string `json:"task_id"`
		State  string `json:"state"`
	}
	if err := json.Unmarshal(out, &left); err != nil || len(left) < 3 {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, e := range left {
		if e.State != "valid" {
			t.Errorf("%+v", e)
		}
		if e.TaskID == "unit" {
			b.refused(1, "it belongs to another repository", "evidence", "revoke", e.ID, "--reason", "theirs")
		}
		if e.TaskID == "" {
			a.refused(1, "it is the decision of run", "evidence", "revoke", e.ID, "--reason", "no")
		}
	}
	if out, err := a.fairlead(nil, promotes...).CombinedOutput(); err != nil || !strings.Contains(string(out), "unit success, taken over from run") {
		t.Errorf("%v\n%s", err, out)
	}
}

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
