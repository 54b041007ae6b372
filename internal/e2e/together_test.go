package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/internal/pgtest"
)

// The sentence these tests prove: services that are released as one are all new
// or all old in the end, whatever fails and whenever the control plane dies,
// and no user of any of them notices.

const togetherConfig = `version: 1
service: pair
env: [TINY_EFFECTS]
build: {run: 'cp $TINY_BINARY tiny.bin && echo built-$(cat version) >>$TINY_EFFECTS', artifacts: [tiny.bin]}
tests:
  unit: {run: 'echo tested-$(cat version) >>$TINY_EFFECTS; echo "1..1"; echo "ok 1 - fine"', report: tap, needs: [build]}
environments:
  staging: {security: none}
services:
  web: {after: [api], targets: {staging: {process: {command: [./tiny.bin], replicas: 1, listen: "%s", ready: {http: /}}}}}
  api: {targets: {staging: {process: {command: [./tiny.bin], replicas: 1, listen: "%s", ready: {http: /}}}}}
deploy:
  canary: {steps: [{weight: 50, for: 100ms}], bake: 0s, ready: 20s, undecided: promote}
`

// newPair makes a repository with two services and releases it.
func newPair(t *testing.T, database string) *lab {
	t.Helper()
	web, api := freeAddress(t), freeAddress(t)
	l := emptyLab(t, database)
	l.url, l.more = "http://"+web, []string{"http://" + api}
	l.begin(fmt.Sprintf(togetherConfig, web, api))
	return l
}

// breaks makes the next version of web one that never becomes ready, or mends it.
func (l *lab) breaks(bad bool) {
	l.t.Helper()
	path := filepath.Join(l.dir, "fairlead.yaml")
	b, err := os.ReadFile(path)
	if err != nil {
		l.t.Fatal(err)
	}
	good, broken := "web: {after: [api], targets: {staging: {process: {command: [./tiny.bin]", "web: {after: [api], targets: {staging: {process: {command: [sh, -c, exit 3]"
	if !bad {
		good, broken = broken, good
	}
	l.write("fairlead.yaml", strings.ReplaceAll(string(b), good, broken))
}

var everyCheckpoint = flag.Bool("every", false, "kill at every checkpoint on both databases, not at each third")

// The two databases begin at different checkpoints, so that together they take
// two of three; make test-kill-whole takes all on both, and a single service is
// always killed at every one on SQLite.
func TestTogetherKilledAtEveryStepOnSQLite(t *testing.T) { killPair(t, "", 0) }

func TestTogetherKilledAtEveryStepOnPostgreSQL(t *testing.T) { killPair(t, pgtest.Start(t), 1) }

// killPair kills the control plane at every checkpoint of a release of two
// services that is good, and of one whose second service is bad.
func killPair(t *testing.T, database string, from int) {
	t.Parallel()
	l := newPair(t, database)
	stop := l.visitors()
	l.commit("list-good")
	good := l.points("run")
	l.breaks(true)
	l.commit("list-bad")
	bad := slices.DeleteFunc(l.pointsOf(1, "run"), func(p string) bool { return slices.Contains(good, p) })
	if len(good) < 50 || len(bad) < 10 {
		t.Fatalf("only %d and %d checkpoints:\n%v\n%v", len(good), len(bad), good, bad)
	}
	if testing.Short() {
		good, bad = []string{good[len(good)/3], good[len(good)-8], good[len(good)-3]}, []string{bad[0], bad[len(bad)/2], bad[len(bad)-2]}
	}
	if !*everyCheckpoint {
		good, bad = everyThird(good, from), everyThird(bad, from)
	}
	for i, point := range bad {
		l.commit(fmt.Sprintf("bad-%d", i))
		before := l.liveReleases()
		l.killedAt(point, "run")
		if out, err := l.fairlead(nil, "resume").CombinedOutput(); err == nil {
			t.Errorf("%s: what is bad was released\n%s", point, out)
		}
		l.holdStill(point)
		if after := l.liveReleases(); !slices.Equal(before, after) {
			t.Errorf("%s: live were %v, are %v", point, before, after)
		}
	}
	l.breaks(false)
	for i, point := range good {
		version := fmt.Sprintf("good-%d", i)
		l.commit(version)
		before := l.liveReleases()
		l.killAt(point, "run")
		l.holdFinished(point)
		l.holdEffects(version, point)
		after := l.liveReleases()
		if len(after) != 2 || after[0] == before[0] || after[1] == before[1] {
			t.Errorf("%s: live were %v, are %v", point, before, after)
		}
	}
	sent, failures := stop()
	t.Logf("%d checkpoints, %d requests", len(good)+len(bad), sent)
	if len(failures) > 0 {
		t.Errorf("%d of %d requests failed, the first with %s", len(failures), sent, failures[0])
	}
}

// everyThird gives each third checkpoint from one on, and the last.
func everyThird(points []string, from int) []string {
	var out []string
	for i, p := range points {
		if i%3 == from || i == len(points)-1 {
			out = append(out, p)
		}
	}
	return out
}

// liveReleases gives the release that is live of each service.
func (l *lab) liveReleases() []string {
	l.t.Helper()
	out, err := l.fairlead(nil, "env", "list").Output()
	if err != nil {
		l.t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) > 3 && f[0] == "staging" {
			all = append(all, f[1]+" "+f[2])
		}
	}
	return all
}

// TestRollbackTogether: services that were released together go back together
// when somebody asks for it, or one of them when he says so.
func TestRollbackTogether(t *testing.T) {
	l := newPair(t, "")
	first := l.liveReleases()
	l.commit("2")
	if out, err := l.fairlead(nil, "run").CombinedOutput(); err != nil {
		t.Fatalf("second release: %v\n%s", err, out)
	}
	second := l.liveReleases()
	stop := l.visitors()
	out, err := l.fairlead(nil, "rollback", "staging", "--reason", "too slow").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "web: rollback") || strings.Index(string(out), "web: rollback") > strings.Index(string(out), "api: rollback") {
		t.Errorf("rollback: %v\n%s", err, out)
	}
	if got := l.liveReleases(); !slices.Equal(got, first) {
		t.Errorf("live are %v, want %v", got, first)
	}
	l.commit("3")
	if out, err := l.fairlead(nil, "run").CombinedOutput(); err != nil {
		t.Fatalf("third release: %v\n%s", err, out)
	}
	third := l.liveReleases()
	if out, err := l.fairlead(nil, "rollback", "staging", "--service", "web").CombinedOutput(); err != nil {
		t.Errorf("rollback of one: %v\n%s", err, out)
	}
	if got := l.liveReleases(); !slices.Equal(got, []string{third[0], first[1]}) || slices.Equal(third, second) {
		t.Errorf("live are %v, want web of %v and api of %v", got, first, third)
	}
	if sent, failures := stop(); len(failures) > 0 {
		t.Errorf("%d of %d requests failed, the first with %s", len(failures), sent, failures[0])
	}
	l.holdStill("rollback together")
}

// killedAt starts a command that kills itself at the point.
func (l *lab) killedAt(point string, args ...string) {
	l.t.Helper()
	out, err := l.fairlead([]string{"FAIRLEAD_FAILPOINT=" + point}, args...).CombinedOutput()
	if err == nil || !killed(err) {
		l.t.Fatalf("%s: the run was to be killed: %v\n%s", point, err, out)
	}
}
