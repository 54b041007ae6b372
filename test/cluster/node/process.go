package node

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev/test/cluster/enclosure"
)

// command is what to run: args[0] is the program's name as the container
// calls it, path the program.
type command struct {
	path      string
	args, env []string
}

// kill asks for the end of a container that its pod survives.
type kill struct {
	message string
	grace   time.Duration
}

// process is one life of a container.
type process struct {
	command command
	cmd     *exec.Cmd
	began   metav1.Time
	done    chan struct{} // closed when it has ended
	kills   chan kill     // the first counts
	starved atomic.Bool   // killed for its memory
	log     string
}

// start runs the command in the pod's network, its output going to a file of
// its own.
func (c *container) start(command command) (*process, error) {
	object := c.pod.current()
	log, err := c.pod.agent.logFile(object, c.spec.Name, c.restarts)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	dir := filepath.Join(c.pod.agent.workDir(object), c.spec.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	//nolint:noctx // it ends by its signals, and with this process table at the latest
	cmd := exec.Command(command.path)
	cmd.Args, cmd.Env, cmd.Dir = command.args, command.env, dir
	if c.spec.WorkingDir != "" {
		cmd.Dir = c.spec.WorkingDir
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := enclosure.Join(c.pod.network.Path(), cmd.Start); err != nil {
		return nil, fmt.Errorf("failed to start container %q: %w", c.spec.Name, err)
	}
	p := &process{
		command: command, cmd: cmd, began: metav1.Now(), log: log.Name(),
		done: make(chan struct{}), kills: make(chan kill, 1),
	}
	if limit := c.spec.Resources.Limits.Memory(); !limit.IsZero() {
		go p.ration(limit.Value())
	}
	go func() {
		_ = cmd.Wait()
		p.kill() // what the program left behind ends with it
		close(p.done)
	}()
	return p, nil
}

// stop asks the process to end and kills it when it has not within grace, or
// once hurry is closed.
func (p *process) stop(grace time.Duration, hurry <-chan struct{}) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
		return
	case <-timer.C:
	case <-hurry:
	}
	p.kill()
	<-p.done
}

// kill ends the process and what it has started.
func (p *process) kill() { _ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) }

// ask makes the process end while its pod stays.
func (p *process) ask(k kill) {
	select {
	case p.kills <- k:
	default:
	}
}

// exit describes how a process that is done has ended.
func (c *container) exit(p *process) v1.ContainerStateTerminated {
	exit := v1.ContainerStateTerminated{Reason: "Error", StartedAt: p.began, FinishedAt: metav1.Now()}
	status, _ := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case status.Signaled():
		exit.ExitCode = 128 + int32(status.Signal())
	default:
		exit.ExitCode = int32(status.ExitStatus())
	}
	switch {
	case p.starved.Load():
		exit.Reason = "OOMKilled"
	case exit.ExitCode == 0:
		exit.Reason = "Completed"
	}
	if exit.ExitCode != 0 && c.spec.TerminationMessagePolicy == v1.TerminationMessageFallbackToLogsOnError {
		exit.Message = lastWords(p.log)
	}
	return exit
}

// lastWords gives the end of a log, as much as a status may hold of it.
func lastWords(path string) string {
	const most = 2048
	content, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	content = content[max(0, len(content)-most):]
	return strings.ToValidUTF8(string(bytes.TrimSpace(content)), "?")
}
