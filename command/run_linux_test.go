package command_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/command"
)

// sh runs a script and gives its result and output. Every test runs without
// and with hiding, since these are two different ways to keep a process tree.
func sh(t *testing.T, ctx context.Context, s command.Spec) (command.Result, string) {
	t.Helper()
	var out bytes.Buffer
	if s.Output == nil {
		s.Output = &out
	}
	if s.Dir == "" {
		s.Dir = t.TempDir()
	}
	if s.Env == nil {
		s.Env = []string{"PATH=" + os.Getenv("PATH")}
	}
	r, err := command.Run(ctx, s)
	if err != nil {
		t.Fatalf("Run: %v (hint: %s)", err, fairlead.HintOf(err))
	}
	return r, out.String()
}

// both runs a test without and with a hidden directory.
func both(t *testing.T, test func(t *testing.T, hide []string)) {
	t.Run("plain", func(t *testing.T) { test(t, nil) })
	t.Run("inside", func(t *testing.T) { test(t, []string{secretDir(t)}) })
}

func secretDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("the-signing-key"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestRunReportsHowItEnded(t *testing.T) {
	both(t, func(t *testing.T, hide []string) {
		for _, test := range []struct {
			script string
			exit   int
			signal string
			output string
		}{
			{"echo hello; echo there >&2", 0, "", "hello\nthere\n"},
			{"echo before; false; echo after", 1, "", "before\n"},
			{"exit 42", 42, "", ""},
			{"kill -KILL $$", -1, "killed", ""},
			{"kill -TERM $$", -1, "terminated", ""},
			{"cat; pwd", 0, "", "DIR\n"}, // the input is empty
			{"ls /proc/self/fd | wc -l", 0, "", "4\n"},
			{"tty || true", 0, "", "not a tty\n"},
		} {
			dir := t.TempDir()
			r, out := sh(t, t.Context(), command.Spec{Shell: test.script, Dir: dir, Hide: hide})
			if r.ExitCode != test.exit || r.Signal != test.signal || out != strings.ReplaceAll(test.output, "DIR", dir) {
				t.Errorf("%s: exit %d signal %q output %q, want %d %q %q", test.script, r.ExitCode, r.Signal, out, test.exit, test.signal, test.output)
			}
			if r.Peak < 100<<10 || r.TimedOut || r.Cancelled || r.Duration <= 0 {
				t.Errorf("%s: result %+v", test.script, r)
			}
		}
	})
}

func TestRunGivesExactlyTheEnvironment(t *testing.T) {
	t.Setenv("FAIRLEAD_TEST_LEAK", "leaked")
	both(t, func(t *testing.T, hide []string) {
		_, out := sh(t, t.Context(), command.Spec{Args: []string{"/usr/bin/env"}, Env: []string{"A=1", "B=two words"}, Hide: hide})
		if out != "A=1\nB=two words\n" {
			t.Errorf("environment is %q", out)
		}
		_, out = sh(t, t.Context(), command.Spec{Shell: "cat /proc/$PPID/environ /proc/1/environ 2>/dev/null || true", Hide: hide})
		if hide != nil && strings.Contains(out, "leaked") {
			t.Error("the environment of the program that runs commands can be read")
		}
	})
}

func TestRunRefusesWhatCannotBeRun(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("echo no\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH")}
	for name, test := range map[string]struct {
		spec command.Spec
		kind fairlead.Kind
	}{
		"nothing":         {command.Spec{Dir: dir}, fairlead.KindInvalid},
		"both":            {command.Spec{Dir: dir, Shell: "true", Args: []string{"true"}}, fairlead.KindInvalid},
		"relative dir":    {command.Spec{Dir: "x", Shell: "true"}, fairlead.KindInvalid},
		"missing dir":     {command.Spec{Dir: dir + "/none", Shell: "true"}, fairlead.KindNotFound},
		"dir is a file":   {command.Spec{Dir: plain, Shell: "true"}, fairlead.KindInvalid},
		"missing binary":  {command.Spec{Dir: dir, Args: []string{"no-such-program"}}, fairlead.KindNotFound},
		"missing path":    {command.Spec{Dir: dir, Args: []string{"./none"}}, fairlead.KindNotFound},
		"empty PATH":      {command.Spec{Dir: dir, Args: []string{"true"}, Env: []string{"A=b"}}, fairlead.KindNotFound},
		"not executable":  {command.Spec{Dir: dir, Args: []string{"./plain"}}, fairlead.KindDenied},
		"a directory":     {command.Spec{Dir: dir, Args: []string{dir}}, fairlead.KindDenied},
		"zero byte":       {command.Spec{Dir: dir, Args: []string{"true", "a\x00b"}}, fairlead.KindInvalid},
		"hide none":       {command.Spec{Dir: dir, Shell: "true", Hide: []string{dir + "/none"}}, fairlead.KindInvalid},
		"hide a file":     {command.Spec{Dir: dir, Shell: "true", Hide: []string{plain}}, fairlead.KindInvalid},
		"hide the dir":    {command.Spec{Dir: dir, Shell: "true", Hide: []string{dir}}, fairlead.KindInvalid},
		"hide everything": {command.Spec{Dir: dir, Shell: "true", Hide: []string{"/"}}, fairlead.KindInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			if test.spec.Env == nil {
				test.spec.Env = env
			}
			_, err := command.Run(t.Context(), test.spec)
			if fairlead.KindOf(err) != test.kind {
				t.Errorf("error %v of kind %q, want %q", err, fairlead.KindOf(err), test.kind)
			}
		})
	}
}

func TestTimeoutEndsWhatIgnoresTerm(t *testing.T) {
	both(t, func(t *testing.T, hide []string) {
		marker := filepath.Join(t.TempDir(), "pid")
		start := time.Now()
		r, out := sh(t, t.Context(), command.Spec{
			Shell: "trap 'echo ignored' TERM; echo $$ >" + marker + "; while :; do sleep 0.05 || true; done", Hide: hide,
			Timeout: time.Second, Grace: 300 * time.Millisecond,
		})
		if took := time.Since(start); !r.TimedOut || r.Cancelled || r.Signal != "killed" || took < 1300*time.Millisecond || took > 10*time.Second {
			t.Errorf("result %+v after %s", r, took)
		}
		if !strings.Contains(out, "ignored") {
			t.Errorf("TERM did not come first: %q", out)
		}
	})
}

func TestTermGoesToTheWholeGroup(t *testing.T) {
	both(t, func(t *testing.T, hide []string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var out strings.Builder
		whenReady := writerFunc(func(p []byte) (int, error) {
			if strings.Contains(string(p), "ready") {
				cancel()
			}
			return out.Write(p)
		})
		r, _ := sh(t, ctx, command.Spec{
			Shell: "trap 'wait; echo main got it; exit 7' TERM; " +
				"(trap 'echo child got it; exit 0' TERM; echo ready; while :; do sleep 0.02 || true; done) & wait",
			Hide: hide, Output: whenReady, Grace: time.Minute,
		})
		if r.ExitCode != 7 || !r.Cancelled || !strings.HasSuffix(out.String(), "child got it\nmain got it\n") {
			t.Errorf("result %+v, output %q", r, out.String())
		}
	})
}

func TestCancelAndDeadline(t *testing.T) {
	both(t, func(t *testing.T, hide []string) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		if r, _ := sh(t, ctx, command.Spec{Shell: "sleep 60", Hide: hide}); !r.Cancelled || r.TimedOut || r.Duration > 4*time.Second {
			t.Errorf("cancelled: %+v", r)
		}
		if r, _ := sh(t, ctx, command.Spec{Shell: "sleep 60", Hide: hide}); !r.Cancelled {
			t.Errorf("cancelled before: %+v", r)
		}
		ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if r, _ := sh(t, ctx, command.Spec{Shell: "sleep 60", Hide: hide}); !r.TimedOut || r.Cancelled || r.Duration > 4*time.Second {
			t.Errorf("deadline: %+v", r)
		}
	})
}

// A daemon that leaves group, session and parent writes a heartbeat; when the
// command is over, the heart must stand still.
func TestDaemonDoesNotOutliveItsCommand(t *testing.T) {
	both(t, func(t *testing.T, hide []string) {
		for name, script := range map[string]string{
			"background": "while :; do echo beat >>FILE; sleep 0.02; done & until test -s FILE; do sleep 0.01; done",
			"daemon":     "setsid sh -c 'setsid sh -c \"while :; do echo beat >>FILE; sleep 0.02; done\" &' & until test -s FILE; do sleep 0.01; done",
			"failing":    "(setsid sh -c 'trap : TERM HUP INT; while :; do echo beat >>FILE; sleep 0.02; done' &); until test -s FILE; do sleep 0.01; done; exit 3",
		} {
			file := filepath.Join(t.TempDir(), "heart")
			start := time.Now()
			sh(t, t.Context(), command.Spec{Shell: strings.ReplaceAll(script, "FILE", file), Hide: hide})
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s: took %s", name, took)
			}
			stands(t, name, file)
		}
	})
}

// stands checks that a heartbeat was there and has ended.
func stands(t *testing.T, name, file string) {
	t.Helper()
	before, err := os.ReadFile(file)
	if err != nil || len(before) == 0 {
		t.Fatalf("%s: no heartbeat at all: %v", name, err)
	}
	time.Sleep(200 * time.Millisecond)
	if after, _ := os.ReadFile(file); len(after) != len(before) {
		t.Errorf("%s: a process outlived its command", name)
	}
}

func TestManyBytesNeitherGrowNorBlock(t *testing.T) {
	const size = 200 << 20
	both(t, func(t *testing.T, hide []string) {
		var kept bytes.Buffer
		limit := command.NewLimit(&kept, 1000, 1000)
		before := rss(t)
		r, _ := sh(t, t.Context(), command.Spec{Shell: fmt.Sprintf("head -c %d /dev/zero; echo the end", size), Output: limit, Hide: hide})
		if err := limit.Close(); err != nil || r.ExitCode != 0 {
			t.Fatalf("result %+v, error %v", r, err)
		}
		if kept.Len() > 2100 || !strings.Contains(kept.String(), fmt.Sprintf("... %d bytes left out ...", size+8-2000)) || !strings.HasSuffix(kept.String(), "the end\n") {
			t.Errorf("kept %d bytes ending %q", kept.Len(), kept.String()[max(0, kept.Len()-40):])
		}
		if grown := rss(t) - before; grown > 20<<20 {
			t.Errorf("memory grew by %d bytes", grown)
		}
	})
}

// rss reads this process's memory in bytes.
func rss(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestAFullDiskDoesNotBlockTheCommandAndIsTold(t *testing.T) {
	r, err := command.Run(t.Context(), command.Spec{
		Args: []string{"/bin/sh", "-c", "/usr/bin/head -c 10000000 /dev/zero; exit 5"}, Dir: "/", Output: failing{}, Timeout: 20 * time.Second,
	})
	if r.ExitCode != 5 || fairlead.KindOf(err) != fairlead.KindUnavailable {
		t.Errorf("result %+v, error %v", r, err)
	}
}

// A writer that is slow must still get every byte.
func TestASlowWriterLosesNothing(t *testing.T) {
	var n int
	slow := writerFunc(func(p []byte) (int, error) { time.Sleep(300 * time.Millisecond); n += len(p); return len(p), nil })
	sh(t, t.Context(), command.Spec{Shell: "head -c 200000 /dev/zero", Output: slow})
	if n != 200000 {
		t.Errorf("got %d bytes", n)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestManyAtOnce(t *testing.T) {
	hide := []string{secretDir(t)}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			r, out := sh(t, t.Context(), command.Spec{Shell: fmt.Sprintf("echo %d; exit %d", i, i), Hide: hide[:i%2]})
			if r.ExitCode != i || out != fmt.Sprintf("%d\n", i) {
				t.Errorf("command %d: %+v %q", i, r, out)
			}
		})
	}
	wg.Wait()
}

func TestALargeOrderArrives(t *testing.T) {
	big := strings.Repeat("x", 100_000)
	_, out := sh(t, t.Context(), command.Spec{Shell: "echo ${#A} ${#B}", Env: []string{"PATH=" + os.Getenv("PATH"), "A=" + big, "B=" + big}})
	if out != "100000 100000\n" {
		t.Errorf("output %q", out)
	}
}

func BenchmarkRun(b *testing.B) {
	dir := b.TempDir()
	for name, hide := range map[string][]string{"plain": nil, "inside": {dir}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := command.Run(b.Context(), command.Spec{Args: []string{"/bin/true"}, Dir: "/", Hide: hide, Output: io.Discard}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
