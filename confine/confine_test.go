//go:build linux

package confine_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/confine"
	"fairlead.dev/step"
	"fairlead.dev/step/steptest"
)

func TestMain(m *testing.M) {
	if os.Getenv(envWithout) == "everything" {
		withoutLandlock()
	}
	command.Guard()
	confine.Guard(types)
	os.Exit(m.Run())
}

// config says what the step of these tests does.
type config struct {
	Do   string `json:"do"`
	What string `json:"what"`
}

func types() []step.Type { return []step.Type{typ(), looker()} }

// looker is a step type that looks at a running release.
func looker() step.Type {
	t := typ()
	t.Name, t.Needs = "probe.service", step.Needs{Endpoint: true, Confined: true, Memory: 256}
	return t
}

func typ() step.Type {
	return step.Type{
		Name: "probe.anything", Config: config{Do: "nothing"}, Needs: step.Needs{Workspace: true, Confined: true, Memory: 256},
		Run: func(ctx context.Context, in step.In) (step.Out, error) {
			c := step.ConfigOf[config](in)
			return deeds()[c.Do](ctx, in, c.What)
		},
	}
}

type deed func(ctx context.Context, in step.In, what string) (step.Out, error)

// said is what a deed found out, or how it was refused.
func said(v any, err error) (step.Out, error) {
	return step.Out{Outcome: step.Done, Reason: fmt.Sprintf("%v, %v", v, err)}, nil
}

func deeds() map[string]deed {
	return map[string]deed{
		"keep": func(ctx context.Context, in step.In, what string) (step.Out, error) {
			fmt.Fprintf(in.Output, "keeping %s\n", what)
			digest, size, err := in.Blobs.Put(ctx, strings.NewReader(what))
			return step.Out{
				Outcome: step.Done, Artifacts: []fairlead.Artifact{{Name: "kept", Digest: digest, Size: size, Mode: 0o644}},
				Findings: []fairlead.Finding{{Rule: "r", Message: in.Event.Commit + in.Service}},
			}, err
		},
		"lie": func(_ context.Context, _ step.In, what string) (step.Out, error) {
			return step.Out{Outcome: step.Done, Artifacts: []fairlead.Artifact{{Name: "x", Digest: fairlead.Digest(what), Size: 1, Mode: 0o644}}}, nil
		},
		"read": func(_ context.Context, _ step.In, what string) (step.Out, error) {
			b, err := os.ReadFile(what)
			return said(string(b), err)
		},
		"write": func(_ context.Context, _ step.In, what string) (step.Out, error) {
			return said("wrote", os.WriteFile(what, []byte("x"), 0o600))
		},
		"scratch": func(_ context.Context, in step.In, _ string) (step.Out, error) {
			return said("wrote", os.WriteFile(filepath.Join(in.Scratch, "x"), []byte("x"), 0o600))
		},
		"env": func(_ context.Context, in step.In, _ string) (step.Out, error) {
			return said(strings.Join(slices.Concat(os.Environ(), in.Env, in.Secrets), "\n"), nil)
		},
		"dial": func(ctx context.Context, _ step.In, what string) (step.Out, error) {
			network, address, _ := strings.Cut(what, " ")
			conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, address)
			if err == nil {
				conn.Close()
			}
			return said("dialled", err)
		},
		"kill": func(_ context.Context, _ step.In, what string) (step.Out, error) {
			pid, err := strconv.Atoi(what)
			return said("killed", errors.Join(err, syscall.Kill(pid, syscall.SIGTERM)))
		},
		"eat": func(_ context.Context, _ step.In, _ string) (step.Out, error) {
			var all [][]byte
			for {
				b := make([]byte, 8<<20)
				for i := range b {
					b[i] = byte(i)
				}
				all = append(all, b)
				if len(all) > 1<<20 {
					return said(all, nil)
				}
			}
		},
		"burn": func(context.Context, step.In, string) (step.Out, error) {
			for n := 1; n != 0; n += 2 {
			}
			return said("never", nil)
		},
		"wait": func(ctx context.Context, _ step.In, _ string) (step.Out, error) {
			<-ctx.Done()
			return step.Out{}, ctx.Err()
		},
		"fail": func(context.Context, step.In, string) (step.Out, error) {
			return step.Out{}, &fairlead.Problem{Op: "do it", Kind: fairlead.KindInvalid, Hint: "do it otherwise", Err: errors.New("no")}
		},
		"panic": func(context.Context, step.In, string) (step.Out, error) { panic("at the worst moment") },
	}
}

// given is a step's input with what it does.
func given(t *testing.T, do, what string) (step.In, *strings.Builder) {
	t.Helper()
	in := steptest.In(t, typ(), map[string]string{"a.txt": "the source"})
	var output strings.Builder
	in.Config, in.Output = config{Do: do, What: what}, &output
	return in, &output
}

// done runs the step and gives what it said.
func done(t *testing.T, in step.In) string {
	t.Helper()
	return doneBy(t, typ(), in)
}

func doneBy(t *testing.T, by step.Type, in step.In) string {
	t.Helper()
	out, err := confine.Run(t.Context(), confine.Self, by, in)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(envWithout) == "namespaces" {
		reason, ok := strings.CutSuffix(out.Reason, "; kept from network and files by Landlock, because there are no namespaces here")
		if !ok {
			t.Errorf("it is not said that there are no namespaces: %s", out.Reason)
		}
		return reason
	}
	return out.Reason
}

// isolated fails the test where namespaces may not be made: then nothing of
// what it is about can be seen.
func isolated(t *testing.T) {
	t.Helper()
	if _, err := command.Isolation(); err != nil && os.Getenv(envWithout) != "namespaces" {
		t.Fatal(err)
	}
}

// refused tells whether something could not be done because it may not.
func refused(said string) bool {
	return strings.Contains(said, "read-only file system") || strings.Contains(said, "permission denied") || strings.Contains(said, "unreachable")
}

func TestWhatTheStepLeavesComesBack(t *testing.T) {
	in, output := given(t, "keep", "some content")
	out, err := confine.Run(t.Context(), confine.Self, typ(), in)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Artifacts) != 1 || out.Artifacts[0].Digest != fairlead.DigestBytes([]byte("some content")) {
		t.Errorf("artifacts %+v", out.Artifacts)
	}
	if d, _, err := in.Blobs.Put(t.Context(), strings.NewReader("some content")); err != nil || d != out.Artifacts[0].Digest {
		t.Errorf("%s %v", d, err)
	}
	if len(out.Findings) != 1 || out.Findings[0].Message != steptest.Commit+"shop" {
		t.Errorf("findings %+v", out.Findings)
	}
	if output.String() != "keeping some content\n" {
		t.Errorf("output %q", output)
	}
}

func TestTheStepsOwnProblemComesBack(t *testing.T) {
	in, _ := given(t, "fail", "")
	_, err := confine.Run(t.Context(), confine.Self, typ(), in)
	if fairlead.KindOf(err) != fairlead.KindInvalid || fairlead.HintOf(err) != "do it otherwise" || err.Error() != "do it: no" {
		t.Errorf("%v", err)
	}
}

func TestAPanicIsAProblemAndSaid(t *testing.T) {
	in, output := given(t, "panic", "")
	_, err := confine.Run(t.Context(), confine.Self, typ(), in)
	if fairlead.KindOf(err) != fairlead.KindInternal || !strings.Contains(err.Error(), "without an answer") {
		t.Errorf("%v", err)
	}
	if !strings.Contains(output.String(), "at the worst moment") {
		t.Errorf("output %q", output)
	}
}

func TestArtifactsThatAreNotThereAreRefused(t *testing.T) {
	for _, digest := range []string{"", "sha256:../../../etc/passwd", string(fairlead.DigestBytes([]byte("never kept")))} {
		in, _ := given(t, "lie", digest)
		if _, err := confine.Run(t.Context(), confine.Self, typ(), in); fairlead.KindOf(err) != fairlead.KindInternal {
			t.Errorf("%q: %v", digest, err)
		}
	}
}

func TestNothingIsInherited(t *testing.T) {
	t.Setenv("SHOP_TOKEN", "inherited-value")
	in, _ := given(t, "env", "")
	in.Env = append(in.Env, "SHOP_KEY=declared-value")
	in.Secrets = []string{"declared-value"}
	if got := done(t, in); strings.Contains(got, "-value") || !strings.Contains(got, "GOPROXY=off") {
		t.Errorf("the child sees %s", got)
	}
}

func TestNoNetwork(t *testing.T) {
	isolated(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	files, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket")) // as of a container engine
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	for _, what := range []string{"tcp " + l.Addr().String(), "udp " + l.Addr().String(), "unix " + files.Addr().String(), "unix @fairlead-confine-test"} {
		in, _ := given(t, "dial", what)
		if got := done(t, in); !refused(got) {
			t.Errorf("dialling %s gives %s", what, got)
		}
	}
}

// What looks at a running release reaches it, and is kept from all else.
func TestOnlyTheNetworkForWhatLooksAtAService(t *testing.T) {
	isolated(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	files, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	in, _ := given(t, "dial", "tcp "+l.Addr().String())
	in.Workspace = filepath.Join(t.TempDir(), "none")
	if got := doneBy(t, looker(), in); got != "dialled, <nil>" {
		t.Errorf("dialling the service gives %s", got)
	}
	for do, what := range map[string]string{"dial": "unix " + files.Addr().String(), "write": filepath.Join(t.TempDir(), "x")} {
		in.Config = config{Do: do, What: what}
		if got := doneBy(t, looker(), in); !refused(got) {
			t.Errorf("%s %s gives %s", do, what, got)
		}
	}
	t.Setenv("SHOP_TOKEN", "inherited-value")
	in.Config = config{Do: "env"}
	if got := doneBy(t, looker(), in); strings.Contains(got, "-value") {
		t.Errorf("the child sees %s", got)
	}
	in.Config = config{Do: "eat"}
	if _, err := confine.Run(t.Context(), confine.Self, looker(), in); fairlead.KindOf(err) != fairlead.KindFailed {
		t.Errorf("eating: %v", err)
	}
}

func TestOnlyScratchIsWritable(t *testing.T) {
	isolated(t)
	in, _ := given(t, "write", "")
	for _, dir := range []string{in.Workspace, t.TempDir(), "/tmp", "/dev/shm"} {
		in.Config = config{Do: "write", What: filepath.Join(dir, "fairlead-confine-test")}
		if got := done(t, in); !refused(got) {
			t.Errorf("writing in %s gives %s", dir, got)
		}
	}
	in.Cache = t.TempDir()
	in.Config = config{Do: "write", What: filepath.Join(in.Cache, "kept")}
	if got := done(t, in); got != "wrote, <nil>" {
		t.Errorf("writing in the cache gives %s", got)
	}
	in.Config = config{Do: "scratch"}
	if got := done(t, in); got != "wrote, <nil>" {
		t.Errorf("writing in scratch gives %s", got)
	}
}

func TestWhatCanBeRead(t *testing.T) {
	isolated(t)
	home, state := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	put := func(path string) string {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	in, _ := given(t, "read", "")
	in.Hide = []string{state}
	in.Advisories = put(filepath.Join(state, "vulndb.sqlite"))
	for path, seen := range map[string]bool{
		put(filepath.Join(home, ".ssh", "id")):  false,
		put(filepath.Join(state, "key")):        false,
		in.Advisories:                           true,
		filepath.Join(in.Workspace, "a.txt"):    true,
		put(filepath.Join(t.TempDir(), "else")): true,
	} {
		in.Config = config{Do: "read", What: path}
		if got := done(t, in); strings.HasSuffix(got, ", <nil>") != seen {
			t.Errorf("reading %s gives %s", path, got)
		}
	}
	in.Workspace = home // a home that is scanned is not hidden
	in.Config = config{Do: "read", What: filepath.Join(home, ".ssh", "id")}
	if got := done(t, in); got != "content, <nil>" {
		t.Errorf("reading in a home that is scanned gives %s", got)
	}
}

func TestMemoryIsLimited(t *testing.T) {
	in, _ := given(t, "eat", "")
	_, err := confine.Run(t.Context(), confine.Self, typ(), in)
	if fairlead.KindOf(err) != fairlead.KindFailed || !strings.Contains(err.Error(), "more than the 256 MiB of memory") {
		t.Errorf("%v", err)
	}
}

func TestProcessorTimeIsLimited(t *testing.T) {
	in, output := given(t, "burn", "")
	dir := t.TempDir()
	in.Scratch = dir
	r, err := command.Run(t.Context(), command.Spec{
		Shell: "while :; do :; done", Dir: dir, Output: output, Env: []string{"PATH=" + os.Getenv("PATH")}, Limits: command.Limits{CPU: time.Second},
	})
	if err != nil || r.Exceeded != command.ExceededCPU {
		t.Errorf("%+v %v", r, err)
	}
}

func TestItEndsWithItsContext(t *testing.T) {
	in, _ := given(t, "wait", "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := confine.Run(ctx, confine.Self, typ(), in); fairlead.KindOf(err) != fairlead.KindTimeout {
		t.Errorf("after its time: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	time.AfterFunc(500*time.Millisecond, cancel)
	if _, err := confine.Run(ctx, confine.Self, typ(), in); fairlead.KindOf(err) != fairlead.KindCancelled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestAChildWithoutARequestSaysWhy(t *testing.T) {
	err := confine.Child(t.Context(), types(), strings.NewReader("hello"), nil)
	if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(fairlead.HintOf(err), "by hand") {
		t.Errorf("%v", err)
	}
}

// A program that does not know how to be a child starts itself once, not for ever.
func TestNoChildOfAChild(t *testing.T) {
	t.Setenv("FAIRLEAD_CONFINED", "1")
	in, _ := given(t, "keep", "x")
	if _, err := confine.Run(t.Context(), confine.Self, typ(), in); fairlead.KindOf(err) != fairlead.KindInternal || !strings.Contains(err.Error(), "confined already") {
		t.Errorf("%v", err)
	}
}
