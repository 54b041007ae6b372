package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fairlead.dev"
)

// How long a new agent may take until it answers (it has to clear what a killed
// one left behind), and until it has taken its directory.
const (
	startLimit = 20 * time.Second
	aloneLimit = 5 * time.Second
)

// Ensure gives a client for the agent in dir, which start starts as a process
// of its own when none answers. Of several callers at once one starts it. An
// agent that speaks another protocol is KindConflict.
func Ensure(ctx context.Context, dir string, start func() error) (*Client, error) {
	const op = "start agent"
	c := Dial(dir)
	if up, err := c.answers(ctx); up || err != nil {
		return c, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, unavailable(op, "", err)
	}
	unlock, err := queue(ctx, filepath.Join(dir, "start.lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if up, err := c.answers(ctx); up || err != nil {
		return c, err // another caller was first
	}
	if err := lockFree(ctx, dir); err != nil {
		return nil, err
	}
	if err := start(); err != nil {
		return nil, unavailable(op, "", err)
	}
	return c, c.untilUp(ctx)
}

// lockFree waits until no agent has the directory: one that is stopping no
// longer answers, but still drains.
func lockFree(ctx context.Context, dir string) error {
	for {
		unlock, err := lockDir(dir)
		if err == nil {
			unlock()
			return nil
		}
		if fairlead.KindOf(err) != fairlead.KindConflict {
			return err
		}
		if !pause(ctx, 20*time.Millisecond) {
			return &fairlead.Problem{Op: "wait for agent to end", Kind: endKind(ctx), Err: err}
		}
	}
}

// runs tells whether an agent has the directory. It makes nothing.
func runs(dir string) bool {
	if _, err := os.Stat(dir); err != nil {
		return false
	}
	unlock, err := lockDir(dir)
	if err == nil {
		unlock()
	}
	return err != nil
}

// untilUp waits until a started agent answers. It gives up early when none
// has the directory for a while: then it ended.
func (c *Client) untilUp(ctx context.Context) error {
	began, alone := time.Now(), time.Now()
	for pause(ctx, 10*time.Millisecond) {
		if up, err := c.answers(ctx); up || err != nil {
			return err
		}
		if unlock, err := lockDir(c.dir); err == nil {
			unlock()
		} else {
			alone = time.Now()
		}
		if time.Since(alone) > aloneLimit || time.Since(began) > startLimit {
			log := filepath.Join(c.dir, agentLog)
			return unavailable("start agent", "read "+log,
				fmt.Errorf("it does not answer after %s%s", time.Since(began).Round(time.Second), lastLine(log)))
		}
	}
	return &fairlead.Problem{Op: "start agent", Kind: endKind(ctx), Err: ctx.Err()}
}

// lastLine gives the last line of a file as the end of a sentence, or "".
func lastLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	book := logbook{tail: b[max(0, len(b)-tailLimit):]}
	lines := strings.Split(book.last(), " | ")
	return "; its last words: " + lines[len(lines)-1]
}

// answers tells whether a usable agent answers; an error means that one
// answers which cannot be used.
func (c *Client) answers(ctx context.Context) (bool, error) {
	h, err := c.Health(ctx)
	if err != nil {
		return false, nil // nobody there, or not yet
	}
	if h.Protocol != Protocol {
		return false, conflict("use agent", "stop the running agent; the next command starts a new one",
			fmt.Errorf("the agent with pid %d speaks protocol %d, this program %d", h.PID, h.Protocol, Protocol))
	}
	return true, nil
}

// queue takes a lock, waiting for others who have it.
func queue(ctx context.Context, path string) (unlock func(), err error) {
	const op = "start agent"
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, unavailable(op, "", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || !pause(ctx, 10*time.Millisecond) {
			return nil, errors.Join(&fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: err}, f.Close())
		}
	}
}

// agentLog is the file in the agent's directory that [Detached] sends its
// output to.
const agentLog = "agent.log"

// Detached gives a start function for [Ensure]: it starts a program in a
// session of its own, with its output in agent.log in dir, so that it outlives
// the caller and no terminal's signal reaches it. It runs in the root
// directory: program and args must not hold relative paths.
func Detached(dir, program string, args ...string) func() error {
	return func() error {
		path := filepath.Join(dir, agentLog)
		if info, err := os.Stat(path); err == nil && info.Size() > logLimit {
			_ = os.Rename(path, path+".old")
		}
		out, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer out.Close()
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = "/", out, out
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return err
		}
		go func() { _ = cmd.Wait() }() // reaps it when the caller lives longer
		return nil
	}
}
