package command_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/command"
)

// yard is a repository of a user with Fairlead's state in it, a task's workspace
// and that of another task.
type yard struct{ home, repo, state, work, other string }

func newYard(t *testing.T, uid uint32) yard {
	t.Helper()
	home := open(t, uid)
	y := yard{home: home, repo: filepath.Join(home, "code", "shop")}
	y.state = filepath.Join(y.repo, ".fairlead")
	y.work, y.other = filepath.Join(y.state, "work/r1/a/1/src"), filepath.Join(y.state, "work/r1/b/1/src")
	for path, content := range map[string]string{
		y.repo + "/Makefile": "all:\n", y.repo + "/.git/config": "[core]\n", y.state + "/private/key": "the-signing-key",
		y.work + "/mine": "mine", y.other + "/theirs": "theirs",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, int(uid), int(uid))
	})
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// run runs a script in the task's workspace, with the state hidden and the
// repository read-only.
func (y yard) run(t *testing.T, uid uint32, script string) (string, error) {
	t.Helper()
	script = strings.NewReplacer("HOME", y.home, "REPO", y.repo, "STATE", y.state, "OTHER", y.other, "WORK", y.work).Replace(script)
	cmd, out := start(t, uid, envScript+"="+script, envHide+"="+y.state, envGuard+"="+y.repo, envDir+"="+y.work)
	err := cmd.Wait()
	return out.String(), err
}

// A command can neither reach the state and the workspaces of other tasks, nor
// change the repository, nor put anything in the place of one of them.
func TestCommandIsKeptToItsWorkspace(t *testing.T) {
	for user, uid := range users() {
		t.Run(user, func(t *testing.T) {
			y := newYard(t, uid)
			for name, script := range map[string]string{
				"read the key":            "cat STATE/private/key",
				"read it from below":      "cat ../../../../../private/key",
				"move the state":          "mv STATE REPO/.fl2 && mkdir -p STATE/private STATE/work",
				"move the repository":     "mv REPO HOME/code/shop2 && mkdir -p REPO/.fairlead/private",
				"move above":              "mv HOME/code HOME/code2",
				"move the workspace":      "mv WORK WORK.old",
				"remove the state":        "rmdir STATE/private || rm -rf STATE",
				"replace the state":       "ln -sfn /tmp STATE/private",
				"see another task":        "ls OTHER",
				"change another task":     "echo x >OTHER/theirs",
				"make another task":       "mkdir -p STATE/work/r1/b/1/src",
				"change git's settings":   "echo '[core] fsmonitor=false' >>REPO/.git/config",
				"add attributes":          "mkdir REPO/.git/info",
				"move git's settings":     "mv REPO/.git REPO/.git2",
				"change a file":           "echo x >>REPO/Makefile",
				"change its mode":         "chmod 777 REPO/Makefile",
				"make it writable":        "mount -o remount,bind,rw REPO && echo x >>REPO/Makefile",
				"uncover":                 "umount -l STATE && cat STATE/private/key",
				"writable in a namespace": "unshare -rm sh -c 'mount -o remount,bind,rw REPO; echo x >>REPO/Makefile'",
				"uncover in a namespace":  "unshare -rm sh -c 'umount WORK; umount STATE; umount REPO; cat STATE/private/key'",
				"move in a namespace":     "unshare -rm sh -c 'umount REPO; mv REPO HOME/code/shop2'",
			} {
				if out, err := y.run(t, uid, script); err == nil || strings.Contains(out, "the-signing-key") {
					t.Errorf("%s: %v: %s", name, err, out)
				}
			}
			for path, want := range map[string]string{
				y.state + "/private/key": "the-signing-key", y.other + "/theirs": "theirs", y.repo + "/Makefile": "all:\n",
				y.repo + "/.git/config": "[core]\n",
			} {
				if got, err := os.ReadFile(path); err != nil || string(got) != want {
					t.Errorf("%s is %q, %v", path, got, err)
				}
			}
		})
	}
}

// In its workspace and elsewhere a command works as ever.
func TestCommandWorksInItsWorkspace(t *testing.T) {
	for user, uid := range users() {
		t.Run(user, func(t *testing.T) {
			y := newYard(t, uid)
			out, err := y.run(t, uid, `cat mine REPO/Makefile; pwd; echo new >made; mkdir d; mv made d; cat d/made; rm mine
				git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x && git log --format=%s
				d=$(mktemp -d); mv d/made $d; rm -r $d; mkdir HOME/cache; mv HOME/cache HOME/cache2; ls REPO`)
			if want := "mineall:\n" + y.work + "\nnew\nx\nMakefile\n"; err != nil || out != want {
				t.Errorf("%v: output %q, want %q", err, out, want)
			}
			if _, err := os.Stat(filepath.Join(y.work, ".git/HEAD")); err != nil {
				t.Errorf("what it made: %v", err)
			}
			if _, err := os.Stat(filepath.Join(y.work, "mine")); err == nil {
				t.Error("what it removed is still there")
			}
		})
	}
}

// What is hidden inside the working directory, or named by an open descriptor
// after it was moved, is hidden all the same.
func TestHiddenByWhatItIs(t *testing.T) {
	y := newYard(t, uint32(os.Getuid()))
	inside := filepath.Join(y.work, "inside")
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inside, "key"), []byte("the-signing-key"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, out := sh(t, t.Context(), command.Spec{Shell: "ls -A; ls -A inside", Dir: y.work, Hide: []string{y.state, inside}})
	if !r.Succeeded() || out != "inside\nmine\n" {
		t.Errorf("%s: %q", r, out)
	}
	dir := open(t, uint32(os.Getuid()))
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	moved := dir + "-moved"
	if err := os.Rename(dir, moved); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(moved) })
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	name := "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	if r, out := sh(t, t.Context(), command.Spec{Shell: "ls -A " + moved, Dir: "/", Hide: []string{name}}); !r.Succeeded() || out != "" {
		t.Errorf("%s: %q", r, out)
	}
	if err := os.RemoveAll(moved); err != nil {
		t.Fatal(err)
	}
	if _, err := command.Run(t.Context(), command.Spec{Shell: "true", Dir: "/", Hide: []string{name}}); fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("a directory that is gone: %v", err)
	}
}
