package engine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead.dev/engine"
)

// The test binary is also the program that tests kill: started with childEnv
// it is an executor.
const childEnv = "FAIRLEAD_ENGINE_TEST_CHILD"

func TestMain(m *testing.M) {
	if url := os.Getenv(childEnv); url != "" {
		if err := executor(url, os.Args[1], os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// executor takes over what it finds, runs flow "f" to its end and prints
// "done". It kills itself at the point named kill, and logs effects and points
// in dir.
func executor(url, flow, kill, dir string) error {
	ctx := context.Background()
	cfg := engine.Config{URL: url, Version: "1", Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	cfg.Checkpoint = func(point string) {
		appendLine(filepath.Join(dir, "points"), point)
		if point == kill {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	e, err := engine.Open(ctx, cfg)
	if err != nil {
		return err
	}
	defer e.Close(5 * time.Second)
	registerAll(e, dir)
	if err := e.Launch(ctx); err != nil {
		return err
	}
	if _, err := e.TakeOver(ctx, ""); err != nil {
		return err
	}
	if err := engine.Start(ctx, e, flow, "f", dir); err != nil {
		return err
	}
	if _, err := engine.Result[string](ctx, e, "f"); err != nil {
		return err
	}
	fmt.Println("done")
	return nil
}

func registerAll(e *engine.Engine, dir string) {
	engine.Register(e, "journey", journey)
	engine.Register(e, "leaf", leaf)
	engine.Register(e, "hold", hold)
	engine.Register(e, "many", many)
}

// effect is a step whose effect can be counted: a line in a file.
func effect(dir, name string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) {
		return name, appendLine(filepath.Join(dir, "effects"), name)
	}
}

// journey has every kind of operation.
func journey(f *engine.Flow, dir string) (string, error) {
	for _, name := range []string{"one", "two"} {
		if _, err := engine.Do(f, name, effect(dir, name)); err != nil {
			return "", err
		}
	}
	var parallel []engine.Future[string]
	for _, name := range []string{"p1", "p2", "p3"} {
		parallel = append(parallel, engine.Go(f, name, effect(dir, name)))
	}
	for _, p := range parallel {
		if _, err := p.Wait(); err != nil {
			return "", err
		}
	}
	if _, err := f.Now(); err != nil {
		return "", err
	}
	if err := f.Sleep(20 * time.Millisecond); err != nil {
		return "", err
	}
	if _, err := engine.Child[string, string](f, "leaf", f.ID()+"/leaf", dir); err != nil {
		return "", err
	}
	return engine.Do(f, "last", effect(dir, "last"))
}

func leaf(f *engine.Flow, dir string) (string, error) {
	if _, err := engine.Do(f, "leaf1", effect(dir, "leaf1")); err != nil {
		return "", err
	}
	return engine.Do(f, "leaf2", effect(dir, "leaf2"))
}

// hold waits inside a step until the file "gate" exists in dir.
func hold(f *engine.Flow, dir string) (string, error) {
	return engine.Do(f, "hold", func(ctx context.Context) (string, error) {
		if err := appendLine(filepath.Join(dir, "effects"), "hold "+f.ID()); err != nil {
			return "", err
		}
		for {
			if _, err := os.Stat(filepath.Join(dir, "gate")); err == nil {
				return "passed", nil
			}
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
}

// many records a lot, to meet other writers.
func many(f *engine.Flow, dir string) (string, error) {
	for i := range 100 {
		if _, err := engine.Do(f, fmt.Sprintf("s%d", i), func(context.Context) (int, error) { return i, nil }); err != nil {
			return "", err
		}
	}
	return "many", nil
}

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, line+"\n")
	return errors.Join(err, f.Close())
}

// lines gives the lines of a file, none when it does not exist.
func lines(t testing.TB, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []string
	for s := bufio.NewScanner(f); s.Scan(); {
		all = append(all, s.Text())
	}
	return all
}

func count(all []string, line string) (n int) {
	for _, l := range all {
		if l == line {
			n++
		}
	}
	return n
}

// child starts an executor in a process of its own.
func child(t testing.TB, url, flow, kill, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], flow, kill, dir)
	cmd.Env = append(os.Environ(), childEnv+"="+url)
	return cmd
}

func killed(err error) bool {
	var ee *exec.ExitError
	return errors.As(err, &ee) && ee.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
}

func mustFinish(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.HasSuffix(string(out), "done\n") {
		t.Fatalf("executor: %v\n%s", err, out)
	}
}

func eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}
