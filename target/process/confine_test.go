package process

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fairlead.dev"
)

// try is what the test service does to a path, and how it went.
func try(q url.Values) string {
	var err error
	path := q.Get("path")
	switch q.Get("do") {
	case "read":
		_, err = os.ReadFile(path)
	case "list":
		var entries []os.DirEntry
		if entries, err = os.ReadDir(path); err == nil {
			var names []string
			for _, e := range entries {
				names = append(names, e.Name())
			}
			return strings.Join(names, " ")
		}
	case "write":
		err = os.WriteFile(path, []byte("x"), 0o600)
	case "uncover":
		err = unix.Unmount(path, unix.MNT_DETACH)
	case "connect":
		var c net.Conn
		if c, err = net.Dial("unix", path); err == nil {
			err = c.Close()
		}
	}
	if err != nil {
		return "refused"
	}
	return "done"
}

// does holds what a replica can do to a path.
func does(t *testing.T, endpoint, what, path, want string) {
	t.Helper()
	got := mustGet(t, endpoint+"/try?do="+what+"&path="+url.QueryEscape(path))
	if got != want {
		t.Errorf("%s %s: %s, want %s", what, path, got, want)
	}
}

func TestAReplicaSeesOnlyItsOwn(t *testing.T) {
	outer := t.TempDir()
	l := &lab{t: t, dir: filepath.Join(outer, "agent")} // inside what is hidden
	key := filepath.Join(outer, "keys", "signing.pem")
	if err := os.MkdirAll(filepath.Dir(key), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(key, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	defer l.serve(AgentOptions{Hide: []string{outer}})()
	if h, err := l.Health(context.Background()); err != nil || h.Isolation != "namespace" {
		t.Fatalf("isolation %q: this system must allow user and mount namespaces (%v)", h.Isolation, err)
	}
	g := makeRelease(t, "shut")
	l.roll(1, g, 1)
	at := l.instance(g).Endpoint
	root, data := filepath.Join(l.dir, "releases", g.id().Hex()), filepath.Join(l.dir, "data", "staging", "shop")
	does(t, at, "read", key, "refused")
	does(t, at, "read", "../../../../keys/signing.pem", "refused") // from where it works
	does(t, at, "connect", filepath.Join(l.dir, "agent.sock"), "refused")
	does(t, at, "list", outer, "agent")
	does(t, at, "list", l.dir, "data releases")
	does(t, at, "list", filepath.Join(l.dir, "releases"), g.id().Hex())
	does(t, at, "read", filepath.Join(root, "bin", "shop"), "done")
	does(t, at, "write", filepath.Join(root, "bin", "more"), "refused")
	does(t, at, "write", filepath.Join(outer, "more"), "refused")
	does(t, at, "write", "mine", "done")
	for _, dir := range []string{outer, l.dir, data} {
		does(t, at, "uncover", dir, "refused")
	}
	does(t, at, "read", key, "refused")
	does(t, at, "read", "/proc/"+strconv.Itoa(os.Getpid())+"/root"+key, "refused")
	does(t, at, "list", "/proc/self/root"+outer, "agent")
	if b, err := os.ReadFile(filepath.Join(data, "mine")); err != nil || string(b) != "x" {
		t.Errorf("what the service keeps: %q %v", b, err)
	}
}

func TestWhatIsHiddenMustBeThere(t *testing.T) {
	dir := t.TempDir()
	err := Serve(context.Background(), AgentOptions{Dir: dir, Hide: []string{filepath.Join(dir, "none")}})
	refused(t, err, fairlead.KindInvalid, "cannot be hidden")
}

// An agent that keeps its memory closed starts confined replicas too.
func TestHardenedAgentConfines(t *testing.T) {
	c := confiner{hide: []string{t.TempDir()}}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) }()
	if err := c.probe(context.Background(), t.TempDir()); err != nil {
		t.Error(err)
	}
	if open, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || open != 0 {
		t.Errorf("its memory stayed open: %d %v", open, err)
	}
}

// Where no namespaces may be made services run all the same.
func TestWithoutNamespaces(t *testing.T) {
	l := &lab{t: t, dir: t.TempDir()}
	l.Client = Dial(l.dir)
	defer l.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := &strings.Builder{}
	cmd := exec.Command("sh", "-ec", `echo 0 >/proc/sys/user/max_user_namespaces; exec "$0" agent "$1"`, self, l.dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end := func() {
		if !ended {
			ended = true
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}
	}
	defer end()
	l.eventually(10*time.Second, "the agent answers", func() bool {
		h, err := l.Health(context.Background())
		return err == nil && h.Isolation == "none"
	})
	g := makeRelease(t, "open")
	l.roll(1, g, 1)
	if body := mustGet(t, l.observe().Endpoint); body != "open" {
		t.Errorf("answered by %q", body)
	}
	end()
	if n := strings.Count(log.String(), slog.LevelWarn.String()+` msg="replicas run without isolation`); n != 1 {
		t.Errorf("said %d times that nothing is hidden:\n%s", n, log)
	}
}
