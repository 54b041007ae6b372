package command_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead.dev/command"
)

// Names by which a test starts this test binary again as a program that runs
// commands, in a process of its own.
const (
	envScript = "COMMAND_TEST_SCRIPT" // what it runs
	envHide   = "COMMAND_TEST_HIDE"
	envDir    = "COMMAND_TEST_DIR" // where, other than in /
	envGuard  = "COMMAND_TEST_READONLY"
	envHarden = "COMMAND_TEST_HARDEN"
)

// maker is the program that runs one command; it is not a test.
func maker() int {
	if os.Getenv(envHarden) != "" {
		if err := command.Harden(); err != nil {
			fmt.Println(err)
			return 70
		}
	}
	s := command.Spec{Shell: os.Getenv(envScript), Dir: "/", Env: []string{"PATH=" + os.Getenv("PATH")}, Output: os.Stdout}
	if dir := os.Getenv(envHide); dir != "" {
		s.Hide = []string{dir}
	}
	if dir := os.Getenv(envGuard); dir != "" {
		s.ReadOnly = []string{dir}
	}
	if dir := os.Getenv(envDir); dir != "" {
		s.Dir = dir
	}
	r, err := command.Run(context.Background(), s)
	if err != nil {
		fmt.Println(err)
		return 71
	}
	return r.ExitCode
}

// start runs this binary as a maker, with the rights of the user.
func start(t *testing.T, uid uint32, vars ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{"maker"}, Dir: "/", Env: append(vars, "PATH="+os.Getenv("PATH")), Stdout: &out, Stderr: &out,
		SysProcAttr: &syscall.SysProcAttr{},
	}
	if uid != uint32(os.Getuid()) {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uid}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, &out
}

// users are those that a test can run as: itself, and nobody when it is root.
func users() map[string]uint32 {
	u := map[string]uint32{"self": uint32(os.Getuid())}
	if os.Getuid() == 0 {
		u["nobody"] = 65534
	}
	return u
}

func TestHiddenStaysHidden(t *testing.T) {
	if kind, err := command.Isolation(); kind != "namespace" {
		t.Fatalf("isolation is %s: %v", kind, err)
	}
	for user, uid := range users() {
		t.Run(user, func(t *testing.T) {
			dir := open(t, uid)
			for name, script := range map[string]string{
				"read":                "cat DIR/key",
				"list":                "ls DIR | grep .",
				"write":               "echo x >DIR/new",
				"unmount":             "umount DIR && cat DIR/key",
				"unmount lazily":      "umount -l DIR && cat DIR/key",
				"in a new namespace":  "unshare -rm sh -c 'umount DIR; cat DIR/key'",
				"moved away":          "unshare -rm sh -c 'mkdir -p /tmp/m && mount --move DIR /tmp/m; cat DIR/key'",
				"bound elsewhere":     "unshare -rm sh -c 'd=$(mktemp -d); mount --bind $(dirname DIR) $d && cat $d/$(basename DIR)/key'",
				"root of the parent":  "cat /proc/$PPID/root/DIR/key",
				"root of any process": "for p in /proc/[0-9]*; do cat $p/root/DIR/key 2>/dev/null && exit 0; done; exit 1",
				"cwd of any process":  "for p in /proc/[0-9]*; do cat $p/cwd/DIR/key 2>/dev/null && exit 0; done; exit 1",
				"memory of parent":    "exec 3</proc/$PPID/mem",
				"maps of parent":      "cat /proc/$PPID/maps | grep .",
				"environ of parent":   "exec 3</proc/$PPID/environ && cat <&3 | grep .",
				"descriptors":         "readlink /proc/1/fd/* /proc/$PPID/fd/* /proc/$PPID/exe /proc/$PPID/cwd | grep .",
				"other namespace":     "nsenter -t $PPID -m cat DIR/key || nsenter -t 1 -m -U cat DIR/key",
				"chroot":              "chroot /proc/1/root cat DIR/key",
				"another mount":       "d=$(mktemp -d); mount --bind / $d && cat $d/DIR/key",
				"raw disks":           "for d in /dev/vd* /dev/sd* /dev/nvme*n*; do test -b $d && head -c 1 $d | grep -q . && exit 0; done; exit 1",
				"new device":          "d=$(mktemp -d); mknod $d/disk b 254 0",
				"kernel settings":     "echo >>/proc/sys/kernel/core_pattern",
				"more rights":         "grep -E 'CapBnd:.*[0-9a-f]*' /proc/self/status | grep -qi 1ff && exit 0; grep -q 'NoNewPrivs:.*0' /proc/self/status",
				"kill the guard":      "kill -9 1; kill -9 $PPID; sleep 0.1; kill -0 1 && exit 1; exit 0",
			} {
				script = strings.ReplaceAll(script, "DIR", dir)
				cmd, out := start(t, uid, envScript+"="+script, envHide+"="+dir)
				if err := cmd.Wait(); err == nil {
					t.Errorf("%s succeeded: %s", name, out)
				}
				if strings.Contains(out.String(), "the-signing-key") {
					t.Errorf("%s shows the key: %s", name, out)
				}
			}
			if key, err := os.ReadFile(filepath.Join(dir, "key")); err != nil || string(key) != "the-signing-key" {
				t.Errorf("the key outside is %q, %v", key, err)
			}
		})
	}
}

// Ordinary work must go on as before: files keep their owners, programs run.
func TestHidingDoesNotDisturbOrdinaryWork(t *testing.T) {
	for user, uid := range users() {
		t.Run(user, func(t *testing.T) {
			dir := open(t, uid)
			script := strings.ReplaceAll(`id -u; d=$(mktemp -d); cd $d; echo hello >f; cp f g; ln -s g h; cat h; stat -c %u f; mkfifo p
				sh -c 'echo nested'; test -r /proc/self/status; ls -d /proc/$$ >/dev/null; echo x >/dev/null; head -c 1 /dev/urandom >/dev/null
				git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && git log --format=%s
				if [ $(id -u) = 0 ]; then chown 65534 f; stat -c %u f; setpriv --reuid=65534 --clear-groups id -u; chmod 4755 g; fi; rm -r $d`, "DIR", dir)
			cmd, out := start(t, uid, envScript+"="+script, envHide+"="+dir)
			if err := cmd.Wait(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			want := fmt.Sprintf("%d\nhello\n%d\nnested\nx\n", uid, uid)
			if uid == 0 {
				want += "65534\n65534\n"
			}
			if out.String() != want {
				t.Errorf("output %q, want %q", out, want)
			}
		})
	}
}

// A program that has hardened itself can still run commands and hide from them.
func TestHardenedProgramRunsCommands(t *testing.T) {
	for user, uid := range users() {
		for mode, hide := range map[string]string{"plain": "", "inside": open(t, uid)} {
			t.Run(user+"/"+mode, func(t *testing.T) {
				cmd, out := start(t, uid, envScript+"=cat /proc/*/environ | tr '\\0' '\\n' | grep -a "+envHarden+"= || echo fine", envHide+"="+hide, envHarden+"=1")
				if err := cmd.Wait(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				if uid != 0 && !strings.HasSuffix(out.String(), "fine\n") {
					t.Errorf("output %q", out)
				}
			})
		}
	}
}

// Where namespaces may not be made, a command that must not see something does
// not run at all, and one that may see everything does.
func TestWithoutNamespacesHidingFailsClosed(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for hide, want := range map[string]int{"": 0, secretDir(t): 71} {
		cmd := exec.Command("unshare", "-Ur", "bash", "-c", "echo 0 >/proc/sys/user/max_user_namespaces && exec -a maker "+self)
		cmd.Env = []string{envScript + "=echo it ran", envHide + "=" + hide, "PATH=" + os.Getenv("PATH")}
		out, _ := cmd.CombinedOutput()
		if ran := strings.Contains(string(out), "it ran"); cmd.ProcessState.ExitCode() != want || ran != (want == 0) {
			t.Errorf("hiding %q: exit code %d, output %q", hide, cmd.ProcessState.ExitCode(), out)
		}
	}
}

// A user namespace in which only root is mapped, such as a rootless container's,
// is enough.
func TestHidesWhereOnlyRootIsMapped(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := secretDir(t)
	cmd := exec.Command("unshare", "-Urm", "bash", "-c", "exec -a maker "+self)
	cmd.Env = []string{envScript + "=ls -A " + dir + "; echo it ran", envHide + "=" + dir, "PATH=" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "it ran\n" {
		t.Errorf("%v: output %q", err, out)
	}
}

// When the program that runs a command is killed, the command and its daemons
// die at once.
func TestCommandDiesWithItsMaker(t *testing.T) {
	for mode, hide := range map[string]string{"plain": "", "inside": secretDir(t)} {
		t.Run(mode, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "heart")
			beat := "while :; do echo beat >>" + file + "; sleep 0.02; done"
			cmd, out := start(t, uint32(os.Getuid()), envHide+"="+hide, envScript+"=trap : TERM HUP INT; setsid sh -c '"+beat+"' & "+beat)
			for i := 0; ; i++ {
				if _, err := os.Stat(file); err == nil {
					break
				} else if i > 500 {
					t.Fatalf("it never began: %s", out)
				}
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(100 * time.Millisecond)
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			time.Sleep(300 * time.Millisecond)
			stands(t, mode, file)
		})
	}
}

// open makes a directory that the user owns and can reach, with a key in it.
func open(t *testing.T, uid uint32) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fairlead-command-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("the-signing-key"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{dir, key} {
		if err := os.Chown(f, int(uid), int(uid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
