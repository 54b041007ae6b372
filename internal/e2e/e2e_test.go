// Package e2e proves what the product promises, as its users would see it: the
// real program, real repositories, real processes and real traffic on
// loopback. Each script in testdata opens with the sentence it proves.
package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"fairlead.dev"
)

// program is the directory of the fairlead binary under test.
var program string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "fairlead-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, pkg := range []string{"fairlead.dev/cmd/fairlead", "fairlead.dev/internal/e2e/testdata/tiny"} {
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir+"/", pkg)
		build.Stdout, build.Stderr = os.Stdout, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build fairlead:", err)
			return 1
		}
	}
	if err := buildLater(dir); err != nil {
		fmt.Fprintln(os.Stderr, "another build of fairlead:", err)
		return 1
	}
	program = dir
	return m.Run()
}

// buildLater makes another binary of the same flows, later/fairlead: bytes
// behind the end change nothing of a program but what it hashes to, and take no
// second link.
func buildLater(dir string) error {
	b, err := os.ReadFile(filepath.Join(dir, "fairlead"))
	if err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(dir, "later"), 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "later", "fairlead"), append(b, "later"...), 0o700)
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		Setup:               setup,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"example":    cmdExample,
			"commit":     cmdCommit,
			"release":    cmdRelease,
			"load":       cmdLoad,
			"exits":      cmdExits,
			"nap":        cmdNap,
			"tamper":     cmdTamper,
			"live":       cmdLive,
			"turned":     cmdTurned,
			"same":       cmdSame,
			"guarded":    cmdGuarded,
			"listen":     cmdListen,
			"unlisten":   cmdUnlisten,
			"small":      cmdSmall,
			"prometheus": cmdPrometheus,
			"image":      cmdImage,
		},
	})
}

// setup gives a script the program, git and the Go caches of the real home.
func setup(env *testscript.Env) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	env.Setenv("HOME", home)
	env.Setenv("PATH", program+string(os.PathListSeparator)+os.Getenv("PATH"))
	for _, name := range []string{"GIT_AUTHOR", "GIT_COMMITTER"} {
		env.Setenv(name+"_NAME", "Dana Developer")
		env.Setenv(name+"_EMAIL", "dana@example.org")
	}
	for _, place := range []string{"production", "staging", "dev"} {
		port, err := freePort()
		if err != nil {
			return err
		}
		env.Setenv("port_"+place, fmt.Sprint(port))
		env.Setenv(place, fmt.Sprintf("http://127.0.0.1:%d", port))
	}
	env.Values[loadKey{}] = &loads{}
	env.Values[listenKey{}] = map[string]net.Listener{}
	env.Defer(func() {
		env.Values[loadKey{}].(*loads).stopAll()
		endAll(env.WorkDir)
	})
	return nil
}

// freePort gives a port that nobody listens on, from below those that the
// system gives to connections by itself: a release that is started a minute
// later would find one of those taken.
func freePort() (int, error) {
	for {
		port := 12000 + rand.IntN(20000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			return 0, err
		}
		return port, l.Close()
	}
}

// cmdExample makes a repository from an example, on main, with its own ports
// and stages short enough to test: example NAME DIR.
func cmdExample(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: example NAME DIR")
	}
	dir := ts.MkAbs(args[1])
	ts.Check(os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "examples", args[0]))))
	path := filepath.Join(dir, "fairlead.yaml")
	text := ts.ReadFile(path)
	for place, old := range map[string][]string{
		"production": {"127.0.0.1:8080", "127.0.0.1:9898"}, "staging": {"127.0.0.1:8081", "127.0.0.1:9899"}, "dev": {"127.0.0.1:8082"},
	} {
		for _, o := range old {
			text = strings.ReplaceAll(text, o, "127.0.0.1:"+ts.Getenv("port_"+place))
		}
	}
	for old, quick := range map[string]string{
		"for: 5s": "for: 2s", "for: 3s": "for: 2s", "bake: 5s": "bake: 1s", "keep-old: 15s": "keep-old: 0s",
	} {
		text = strings.ReplaceAll(text, old, quick)
	}
	// Licences and flaws in code have tests of their own; to recognise those of
	// the example takes seconds that nothing is proven in.
	for _, place := range []string{"production", "staging"} {
		text = strings.ReplaceAll(text, "  "+place+":\n    target:", "  "+place+":\n    without: [licences, sast]\n    target:")
	}
	if args[0] == "shop" {
		// A process that has just started is slow on a busy machine: only what a
		// visitor would notice is told from that.
		text = strings.ReplaceAll(text, "judge: {negligible: 2%}", "judge: {negligible: 2%, metrics: [{name: errors}, {name: latency, at: [1]}]}")
	}
	ts.Check(os.WriteFile(path, []byte(text), 0o600))
	git(ts, dir, "init", "-q", "-b", "main")
	git(ts, dir, "add", "-A")
	git(ts, dir, "commit", "-q", "-m", "First version")
}

// cmdCommit commits everything in a repository: commit DIR MESSAGE.
func cmdCommit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: commit DIR MESSAGE")
	}
	git(ts, ts.MkAbs(args[0]), "add", "-A")
	git(ts, ts.MkAbs(args[0]), "commit", "-q", "-m", args[1])
}

// cmdRelease changes how the service is started and commits that:
// release DIR [FLAG...] puts the flags after the program.
func cmdRelease(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: release DIR [FLAG...]")
	}
	path := filepath.Join(ts.MkAbs(args[0]), "fairlead.yaml")
	lines := strings.Split(ts.ReadFile(path), "\n")
	for i, l := range lines {
		before, rest, ok := strings.Cut(l, "command: [")
		if !ok {
			continue
		}
		command, after, _ := strings.Cut(rest, "]")
		words := []string{strings.Split(command, ", ")[0]}
		words = append(words, args[1:]...)
		lines[i] = before + "command: [" + strings.Join(words, ", ") + "]" + after
	}
	ts.Check(os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600))
	cmdCommit(ts, false, []string{args[0], "Start with " + strings.Join(args[1:], " ")})
}

func git(ts *testscript.TestScript, dir string, args ...string) {
	ts.Check(ts.Exec("git", append([]string{"-C", dir}, args...)...))
}

// cmdNap waits: nap DURATION.
func cmdNap(ts *testscript.TestScript, _ bool, args []string) {
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	time.Sleep(d)
}

// cmdExits runs a program and holds its exit code: exits CODE PROGRAM ARG...
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("%s exited with %d, not %s", args[1], code, args[0])
	}
}

// cmdLive holds that a URL answers 200 now: live URL.
func cmdLive(ts *testscript.TestScript, neg bool, args []string) {
	resp, err := http.Get(args[0])
	if err == nil {
		_ = resp.Body.Close()
	}
	up := err == nil && resp.StatusCode == http.StatusOK
	if up == neg {
		ts.Fatalf("%s: up is %v (%v)", args[0], up, err)
	}
}

type listenKey struct{}

// cmdListen takes a port away from everybody else: listen PORT.
func cmdListen(ts *testscript.TestScript, neg bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:"+args[0])
	ts.Check(err)
	taken, _ := ts.Value(listenKey{}).(map[string]net.Listener)
	taken[args[0]] = l
}

// cmdUnlisten gives it back: unlisten PORT.
func cmdUnlisten(ts *testscript.TestScript, neg bool, args []string) {
	taken, _ := ts.Value(listenKey{}).(map[string]net.Listener)
	ts.Check(taken[args[0]].Close())
}

// cmdTurned holds that the newest deployment of an environment was rolled back
// and that all traffic was on the stable release within a second of the
// verdict: turned ENVIRONMENT.
func cmdTurned(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(ts.Exec("fairlead", "env", "show", args[0], "--json"))
	var seen struct {
		History []fairlead.Deployment `json:"history"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &seen))
	d := seen.History[0]
	if d.Phase != fairlead.DeployRolledBack || len(d.Verdicts) == 0 || len(d.Weights) == 0 {
		ts.Fatalf("the newest deployment is %s with %d verdicts and %d changes of traffic", d.Phase, len(d.Verdicts), len(d.Weights))
	}
	verdict, turn := d.Verdicts[len(d.Verdicts)-1], d.Weights[len(d.Weights)-1]
	took := turn.Time.Sub(verdict.Time)
	ts.Logf("%s: all traffic back %s after the verdict", verdict.Answer, took)
	if verdict.Answer != fairlead.AnswerWorse || turn.Weight != 0 || took > time.Second {
		ts.Fatalf("verdict %s, then %d%% of traffic after %s", verdict.Answer, turn.Weight, took)
	}
}
