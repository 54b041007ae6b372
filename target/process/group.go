package process

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// group is a running process in a session of its own, with all it starts.
type group struct {
	cmd    *exec.Cmd
	marker string        // see killMarked
	done   chan struct{} // closed when the first process has ended and the others are killed
	code   int           // of the first process, valid when done is closed; -1 when a signal ended it
	signal string        // the signal's name in that case

	mu    sync.Mutex // guards ended, so that no signal goes to a pid that is free again
	ended bool
	until time.Time // how long the others may live on when the first process has ended
}

// startGroup starts cmd in a session of its own, by start, which keeps it so. What it leaves behind when it
// ends is killed: its group, and every process whose environment has marker.
func startGroup(cmd *exec.Cmd, marker string, start func(*exec.Cmd) error) (*group, error) {
	cmd.WaitDelay = time.Second // for output that an escaped process holds open
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := start(cmd); err != nil {
		return nil, err
	}
	g := &group{cmd: cmd, marker: marker, done: make(chan struct{})}
	go g.wait()
	return g, nil
}

func (g *group) pid() int { return g.cmd.Process.Pid }

func (g *group) wait() {
	// The process is waited for without being reaped: until its group is
	// killed its pid must not be given to anybody else.
	waitEnd(g.pid())
	for g.patient() && groupLives(g.pid()) {
		time.Sleep(5 * time.Millisecond)
	}
	g.mu.Lock()
	g.ended = true
	_ = syscall.Kill(-g.pid(), syscall.SIGKILL)
	g.mu.Unlock()
	killMarked(g.marker)
	_ = g.cmd.Wait()
	g.code = g.cmd.ProcessState.ExitCode()
	if status, ok := g.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		g.signal = status.Signal().String()
	}
	close(g.done)
}

// tell sends a signal to the whole group.
func (g *group) tell(s syscall.Signal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.ended {
		_ = syscall.Kill(-g.pid(), s)
	}
}

// patient tells whether the grace of a stop is not over.
func (g *group) patient() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.until)
}

// stop asks the group to end, kills what is left of it after grace, and
// returns when nothing is left.
func (g *group) stop(grace time.Duration) {
	g.mu.Lock()
	g.until = time.Now().Add(grace)
	g.mu.Unlock()
	g.tell(syscall.SIGTERM)
	limit := time.NewTimer(grace)
	defer limit.Stop()
	select {
	case <-g.done:
	case <-limit.C:
		g.tell(syscall.SIGKILL)
		<-g.done
	}
}

// end says how the first process ended. Call it when done is closed.
func (g *group) end() string {
	if g.signal != "" {
		return "was ended by the signal " + g.signal
	}
	return fmt.Sprintf("exited with code %d", g.code)
}

// baseEnv is what every replica sees of the agent's own environment.
func baseEnv() []string {
	path := os.Getenv("PATH")
	if path == "" {
		path = "/usr/local/bin:/usr/bin:/bin"
	}
	return []string{"PATH=" + path}
}
