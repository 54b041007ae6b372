package worktree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"fairlead.dev"
)

// kept are the variables that git may see. The user's GIT_* would point it at
// another repository, another index or an editor.
var kept = []string{"PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "USER", "SYSTEMROOT"}

// environment is what every git process gets: no prompts, no replaced objects
// (a commit's content is what its id says), no fetching by whatever program the
// repository names for it, messages in English.
func environment() []string {
	env := []string{
		"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=false", "SSH_ASKPASS=false", "GIT_OPTIONAL_LOCKS=0",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none", "GIT_PAGER=cat",
	}
	for _, name := range kept {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// fixed are settings that a repository's or a user's configuration must not
// change: nothing it names is run, and output has one form.
var fixed = []string{
	"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false",
	"-c", "i18n.logOutputEncoding=UTF-8", "-c", "log.showSignature=false", "-c", "log.showRoot=true",
}

// failure is a git process that ended badly.
type failure struct {
	code   int
	stderr string
}

func (f *failure) Error() string {
	text := strings.TrimSpace(f.stderr)
	for _, prefix := range []string{"fatal: ", "error: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	if text == "" {
		return fmt.Sprintf("git ended with exit code %d", f.code)
	}
	return "git: " + text
}

// command makes a git process in dir.
func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", slices.Concat(fixed, args)...)
	cmd.Dir, cmd.Env = dir, environment()
	return cmd
}

// git runs git in dir and gives what it printed, also when it failed.
func git(ctx context.Context, dir string, args ...string) ([]byte, error) {
	return run(command(ctx, dir, args...))
}

func run(cmd *exec.Cmd) ([]byte, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		err = &failure{code: exit.ExitCode(), stderr: errs.String()}
	}
	return out.Bytes(), err
}

// problem turns an error of a git process into a Problem. A Problem stays as it is.
func problem(ctx context.Context, op string, err error) error {
	var p *fairlead.Problem
	var f *failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &p):
		return err
	case errors.Is(ctx.Err(), context.Canceled):
		return &fairlead.Problem{Op: op, Kind: fairlead.KindCancelled, Err: ctx.Err()}
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &fairlead.Problem{Op: op, Kind: fairlead.KindTimeout, Err: ctx.Err()}
	case errors.Is(err, exec.ErrNotFound):
		return &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: errors.New("git is not installed"), Hint: "install git 2.30 or later"}
	case errors.As(err, &f) && strings.Contains(f.stderr, "No space left"):
		return &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: err, Hint: "free some space on the disk"}
	}
	return &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: err, Hint: "check the repository with git fsck"}
}

func invalid(op, hint, format string, args ...any) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: fmt.Errorf(format, args...), Hint: hint}
}

// fields splits what git printed with -z.
func fields(out []byte) []string {
	text := strings.TrimSuffix(string(out), "\x00")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\x00")
}
