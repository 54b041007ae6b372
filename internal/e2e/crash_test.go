package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/internal/pgtest"
)

// The sentence these tests prove: however and whenever the control plane dies,
// the run is finished by the next one, nothing is done twice, and no user's
// request is lost.

// lab is a repository with a service small enough to be released in a second.
type lab struct {
	t        *testing.T
	dir      string
	database string
	url      string
	more     []string // further services of the same release
	effects  string   // every build appends a line: what the outside world sees of a task
}

const labConfig = `version: 1
service: %s
env: [TINY_EFFECTS]
build: {run: 'cp $TINY_BINARY tiny.bin && echo built-$(cat version) >>$TINY_EFFECTS', artifacts: [tiny.bin]}
tests:
  unit: {run: 'echo tested-$(cat version) >>$TINY_EFFECTS; echo "1..1"; echo "ok 1 - fine"', report: tap, needs: [build]}
environments:
  staging: {security: none, target: {process: {command: [./tiny.bin], replicas: 2, listen: "%s", ready: {http: /}}}}
  production: {deploy: rolling, security: none, target: {process: {command: [./tiny.bin], replicas: 2, listen: "%s", ready: {http: /}}}}
deploy:
  rolling: {for: 100ms, bake: 0s, undecided: promote}
  canary: {steps: [{weight: 20, for: 150ms}, {weight: 60, for: 150ms}], bake: 100ms, undecided: promote}
`

// newLab makes the repository and releases its first version.
func newLab(t *testing.T, database string) *lab {
	t.Helper()
	return newLabOf(t, database, "tiny")
}

// newLabOf does so under a name of the service's own.
func newLabOf(t *testing.T, database, service string) *lab {
	t.Helper()
	addr := freeAddress(t)
	l := emptyLab(t, database)
	l.url = "http://" + addr
	l.begin(fmt.Sprintf(labConfig, service, addr, freeAddress(t)))
	return l
}

func freeAddress(t *testing.T) string {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// begin makes the repository with this configuration and releases it.
func (l *lab) begin(config string) {
	l.t.Helper()
	l.write("fairlead.yaml", strings.ReplaceAll(config, "$TINY_BINARY", filepath.Join(program, "tiny")))
	l.git("init", "-q", "-b", "develop")
	l.commit("1")
	if out, err := l.fairlead(nil, "run").CombinedOutput(); err != nil {
		l.t.Fatalf("first release: %v\n%s", err, out)
	}
}

// emptyLab is a directory whose agent ends with the test.
func emptyLab(t *testing.T, database string) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir(), database: database, effects: filepath.Join(t.TempDir(), "effects")}
	t.Cleanup(func() { endAll(l.dir) })
	return l
}

func (l *lab) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) git(args ...string) {
	l.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = l.dir
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=D", "GIT_AUTHOR_EMAIL=d@example.org", "GIT_COMMITTER_NAME=D", "GIT_COMMITTER_EMAIL=d@example.org")
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

// commit makes a new version, so that nothing can be reused.
func (l *lab) commit(version string) {
	l.t.Helper()
	l.write("version", version)
	l.git("add", "-A")
	l.git("commit", "-q", "-m", "Version "+version)
}

func (l *lab) fairlead(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(program, "fairlead"), args...)
	cmd.Dir = l.dir
	cmd.Env = append(os.Environ(), "TINY_EFFECTS="+l.effects)
	if l.database != "" {
		cmd.Env = append(cmd.Env, "FAIRLEAD_DATABASE="+l.database)
	}
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// points gives every checkpoint that a command passes, in order, once each.
func (l *lab) points(args ...string) []string { l.t.Helper(); return l.pointsOf(0, args...) }

// pointsOf does so for a command that ends with an exit code.
func (l *lab) pointsOf(code int, args ...string) []string {
	l.t.Helper()
	list := filepath.Join(l.t.TempDir(), "points")
	cmd := l.fairlead([]string{"FAIRLEAD_CHECKPOINTS=" + list}, args...)
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != code {
		l.t.Fatalf("list checkpoints: %v, want exit code %d\n%s", err, code, out)
	}
	b, err := os.ReadFile(list)
	if err != nil {
		l.t.Fatal(err)
	}
	var points []string
	for p := range strings.Lines(string(b)) {
		p = strings.TrimSpace(p)
		// Before a step nothing of it has happened; that is the same as after the one before.
		if !strings.HasPrefix(p, "before ") && !slices.Contains(points, p) {
			points = append(points, p)
		}
	}
	return points
}

// visitors send requests until stop is called, which gives how many were sent
// and the first failures.
func (l *lab) visitors() (stop func() (int64, []string)) {
	ctx, cancel := context.WithCancel(context.Background())
	var sent atomic.Int64
	failures := make(chan string, 1000)
	done := make(chan struct{})
	const each = 2
	for v := range each {
		go func() {
			defer func() { done <- struct{}{} }()
			for n := 0; ctx.Err() == nil; n++ {
				urls := append([]string{l.url}, l.more...)
				if err := visit(urls[n%len(urls)], fmt.Sprintf("v%d-%d", v, n)); err != nil {
					select {
					case failures <- err.Error():
					default:
					}
				}
				sent.Add(1)
				time.Sleep(4 * time.Millisecond)
			}
		}()
	}
	return func() (int64, []string) {
		cancel()
		for range each {
			<-done
		}
		close(failures)
		var all []string
		for f := range failures {
			all = append(all, f)
		}
		return sent.Load(), all
	}
}

func visit(url, visitor string) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Cookie", "fairlead="+visitor)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

func TestKilledAtEveryStepOnSQLite(t *testing.T) { killEverywhere(t, "") }

func TestKilledAtEveryStepOnPostgreSQL(t *testing.T) { killEverywhere(t, pgtest.Start(t)) }

// killEverywhere kills the control plane at every checkpoint of a canary, one
// run for each, and lets the next process finish. On PostgreSQL that is at each
// third one, but for make test-kill-whole: the checkpoints are the same.
func killEverywhere(t *testing.T, database string) {
	t.Parallel()
	l := newLab(t, database)
	l.commit("list")
	points := l.points("run")
	if len(points) < 30 {
		t.Fatalf("only %d checkpoints: %v", len(points), points)
	}
	if testing.Short() {
		points = []string{points[3], points[len(points)/2], points[len(points)-3]}
	}
	if database != "" && !*everyCheckpoint {
		points = everyThird(points, 2)
	}
	stop := l.visitors()
	for i, point := range points {
		version := fmt.Sprintf("kill-%d", i)
		l.commit(version)
		l.killAt(point, "run")
		l.holdFinished(point)
		l.holdEffects(version, point)
	}
	sent, failures := stop()
	t.Logf("%d checkpoints, %d requests", len(points), sent)
	if len(failures) > 0 {
		t.Errorf("%d of %d requests failed, the first with %s", len(failures), sent, failures[0])
	}
	if !testing.Short() && sent < 1000 {
		t.Errorf("only %d requests: that proves little", sent)
	}
}

// killAt starts a command that kills itself at the point, and resumes its run.
func (l *lab) killAt(point string, args ...string) {
	l.t.Helper()
	l.killedAt(point, args...)
	out, err := l.fairlead(nil, "resume").CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s: resume: %v\n%s", point, err, out)
	}
}

// killed tells whether a process ended by SIGKILL.
func killed(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

// holdFinished holds that the newest run succeeded and that nothing moves.
func (l *lab) holdFinished(point string) {
	l.t.Helper()
	out, err := l.fairlead(nil, "status", "--json").Output()
	if err != nil {
		l.t.Fatalf("%s: status: %v", point, err)
	}
	text := string(out)
	if strings.Contains(text, `"moving"`) || !strings.Contains(text, `"unfinished": []`) {
		l.t.Fatalf("%s: something is left unfinished:\n%s", point, text)
	}
	var seen struct {
		Last []fairlead.Run `json:"last"`
	}
	if err := json.Unmarshal(out, &seen); err != nil || len(seen.Last) == 0 || seen.Last[0].Result != fairlead.ResultSuccess {
		l.t.Fatalf("%s: the run did not succeed: %v\n%s", point, err, text)
	}
}

// holdEffects holds that each task had its effect: once, or once more when it
// was killed after the effect and before anything could be recorded.
func (l *lab) holdEffects(version, point string) {
	l.t.Helper()
	b, err := os.ReadFile(l.effects)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, task := range []string{"built", "tested"} {
		if n := bytes.Count(b, []byte(task+"-"+version+"\n")); n != 1 {
			l.t.Errorf("%s: %s %d times", point, task, n)
		}
	}
}

// TestTakenOverWithinSeconds kills a process in the middle of a canary while
// another one serves the same PostgreSQL.
func TestTakenOverWithinSeconds(t *testing.T) {
	l := newLab(t, pgtest.Start(t))
	serve := l.fairlead(nil, "serve")
	pipe, err := serve.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = serve.Process.Signal(syscall.SIGTERM)
		_ = serve.Wait()
	}()
	lines := make(chan string, 100)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := pipe.Read(buf)
			if n > 0 {
				lines <- string(buf[:n])
			}
			if err != nil {
				close(lines)
				return
			}
		}
	}()
	if got := <-lines; !strings.Contains(got, "ready") {
		t.Fatalf("serve says %q", got)
	}
	l.commit("taken-over")
	stop := l.visitors()
	if out, err := l.fairlead([]string{"FAIRLEAD_FAILPOINT=after rollout/watch stage 1 of 2 (20%)"}, "run").CombinedOutput(); err == nil {
		t.Fatalf("the run was to be killed\n%s", out)
	}
	died := time.Now()
	select {
	case got := <-lines:
		t.Logf("%.2fs after the kill: %s", time.Since(died).Seconds(), strings.TrimSpace(got))
	case <-time.After(5 * time.Second):
		t.Fatal("not taken over within 5 s")
	}
	watch := l.fairlead(nil, "watch")
	if out, err := watch.CombinedOutput(); err != nil {
		t.Fatalf("the run did not succeed: %v\n%s", err, out)
	}
	if sent, failures := stop(); len(failures) > 0 {
		t.Errorf("%d of %d requests failed, the first with %s", len(failures), sent, failures[0])
	}
}
