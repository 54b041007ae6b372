// Package enclosure runs a program in namespaces of its own: a network that
// nothing else is on, a process table whose first process takes all others
// with it when it ends however it ends, and a mount table. What happens inside
// leaves nothing outside but files.
package enclosure

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// ErrPrivileges is given when the caller may not make namespaces.
var ErrPrivileges = errors.New("making network namespaces needs root (CAP_SYS_ADMIN)")

// Inside is a program that runs in namespaces of its own.
type Inside struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error
}

// Start runs this executable again with args in new namespaces, its output
// going to log. The program ends, killed, when the thread that calls Start
// does: call it from a goroutine that is locked to a thread which stays.
// ready gives what the program writes to its file descriptor 3.
func Start(args []string, log *os.File) (inside *Inside, ready io.ReadCloser, err error) {
	if os.Geteuid() != 0 {
		return nil, nil, ErrPrivileges
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer writer.Close()
	//nolint:noctx // it ends by Stop, or with this process
	cmd := exec.Command(self, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{writer}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true, // a terminal's interrupt goes to the outer process alone
	}
	if err := cmd.Start(); err != nil {
		reader.Close()
		return nil, nil, fmt.Errorf("start in namespaces: %w", err)
	}
	inside = &Inside{cmd: cmd, exited: make(chan struct{})}
	go func() {
		inside.err = cmd.Wait()
		close(inside.exited)
	}()
	return inside, reader, nil
}

// PID is the process id of the program, seen from outside.
func (i *Inside) PID() int { return i.cmd.Process.Pid }

// Exited is closed when the program, and with it everything it started, has
// ended.
func (i *Inside) Exited() <-chan struct{} { return i.exited }

// Err gives how the program ended, once it has.
func (i *Inside) Err() error { return i.err }

// Stop asks the program to end, and kills it when it has not within patience.
func (i *Inside) Stop(patience time.Duration) {
	_ = i.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-i.exited:
	case <-time.After(patience):
		_ = i.cmd.Process.Kill()
		<-i.exited
	}
}
