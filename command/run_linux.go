package command

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"fairlead.dev"
)

const (
	handshake = 30 * time.Second // for the guard to say that it is one
	overdue   = 10 * time.Second // for the guard to end everything after a kill
	drainWait = time.Second      // for output that is on its way when all writers are gone
	pipeSize  = 64 << 10         // bytes that a pipe holds
)

// run starts a guard for the prepared spec and follows it to the end. A probe
// only lets the guard prepare.
func run(ctx context.Context, s Spec, probe bool) (Result, error) {
	o := order{Args: s.Args, Dir: s.Dir, Env: s.Env, Probe: probe, Input: s.Input, Sealed: s.Sealed, Offline: s.Offline, Landlock: s.Landlock, Limits: s.Limits}
	if err := o.lay(s); err != nil {
		return Result{}, err
	}
	mode := modePlain
	switch {
	case s.Landlock:
	case s.Offline:
		mode = modeCutOff
	case s.Sealed, len(o.Hide)+len(o.ReadOnly) > 0:
		mode = modeEnter
	}
	g, err := startGuard(mode)
	if err != nil {
		return Result{}, err
	}
	if s.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.Timeout)
		defer cancel()
	}
	drained := make(chan error, 1)
	go func() { drained <- g.drain(s.Output) }()
	go g.command(ctx, o, s.Grace)

	result, err := g.follow()

	close(g.over)
	_ = g.control.Close() // a guard that is still there kills everything now
	_ = g.report.Close()
	_ = g.cmd.Wait()
	_ = g.output.SetReadDeadline(time.Now().Add(drainWait)) // ends a read that nobody answers
	lost := <-drained
	_ = g.output.Close()
	if err == nil && lost != nil {
		err = unavailable("keep output", lost, "see that there is room where output is stored")
	}
	return result, err
}

// guard is the maker's side of a guard process.
type guard struct {
	cmd     *exec.Cmd
	plain   bool          // in our own process namespace
	control *os.File      // order and letters in
	report  *os.File      // reports out
	output  *os.File      // the command's stdout and stderr
	over    chan struct{} // closed when the command is gone
	stopped atomic.Pointer[error]
	pid     atomic.Int64 // of the command, when plain
}

// startGuard starts this program again as a guard.
func startGuard(mode string) (*guard, error) {
	if os.Args[0] == guardName {
		return nil, notGuarded()
	}
	var read, write [3]*os.File // control, report, output
	for i := range read {
		var err error
		if read[i], write[i], err = os.Pipe(); err != nil {
			closeAll(append(read[:i], write[:i]...))
			return nil, unavailable("make a pipe", err, "raise the limit of open files")
		}
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{guardName, mode}, Dir: "/", Env: []string{},
		Stdout: write[2], Stderr: write[2], ExtraFiles: []*os.File{read[0], write[1]},
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	err := cmd.Start()
	closeAll([]*os.File{read[0], write[1], write[2]})
	if err != nil {
		closeAll([]*os.File{write[0], read[1], read[2]})
		return nil, unavailable("start the guard", err, "see that /proc is mounted and that processes can be started")
	}
	return &guard{cmd: cmd, plain: mode == modePlain, control: write[0], report: read[1], output: read[2], over: make(chan struct{})}, nil
}

// command gives the guard its order and, once the context is done, asks it to
// end the command, first kindly, then at once, then by ending the guard.
func (g *guard) command(ctx context.Context, o order, grace time.Duration) {
	line, err := json.Marshal(o)
	if err != nil {
		g.abandon()
		return
	}
	if _, err := g.control.Write(append(line, '\n')); err != nil {
		return // the guard is gone, which follow sees
	}
	select {
	case <-g.over:
		return
	case <-ctx.Done():
	}
	cause := ctx.Err()
	g.stopped.Store(&cause)
	for _, next := range []struct {
		letter byte
		wait   time.Duration
	}{{letterTerm, grace}, {letterKill, overdue}} {
		_, _ = g.control.Write([]byte{next.letter})
		select {
		case <-g.over:
			return
		case <-time.After(next.wait):
		}
	}
	g.abandon()
}

// follow reads the guard's reports until the command is gone.
func (g *guard) follow() (Result, error) {
	result := Result{ExitCode: -1}
	patience := time.AfterFunc(handshake, g.abandon)
	defer patience.Stop()
	start, ready := time.Now(), false
	for dec := json.NewDecoder(g.report); ; {
		var r report
		if err := dec.Decode(&r); err != nil {
			g.abandon()
			if !ready {
				return result, notGuarded()
			}
			return result, unavailable("watch the command", errors.New("its guard ended unexpectedly"), "see whether something kills processes, such as a memory limit")
		}
		switch {
		case r.Ready:
			ready = true
			patience.Stop()
		case r.PID != 0:
			g.pid.Store(int64(r.PID))
		case r.Problem != nil:
			return result, r.Problem.Problem()
		case r.Ended != nil:
			result.ExitCode, result.Signal, result.Peak, result.Exceeded = r.Ended.ExitCode, r.Ended.Signal, r.Ended.Peak, r.Ended.Exceeded
			result.Duration = time.Since(start)
			if cause := g.stopped.Load(); cause != nil {
				result.TimedOut = errors.Is(*cause, context.DeadlineExceeded)
				result.Cancelled = !result.TimedOut
			}
			return result, nil
		}
	}
}

// abandon ends a guard that does not answer, and as much of the command as is
// in reach. A guard that entered namespaces takes everything with it.
func (g *guard) abandon() {
	_ = g.cmd.Process.Kill()
	if pid := g.pid.Load(); g.plain && pid > 0 {
		_ = syscall.Kill(-int(pid), syscall.SIGKILL)
	}
	_ = g.report.Close()
}

// drain copies output until its end and gives the first error of w; what comes
// after that is thrown away, so that the command does not block. A writer that
// got away cannot hold the output open: once the command is gone, at most what
// a pipe holds is still read.
func (g *guard) drain(w io.Writer) error {
	var lost error
	buf := make([]byte, pipeSize)
	for left := 2 * pipeSize; left > 0; {
		n, err := g.output.Read(buf)
		if n > 0 && lost == nil {
			_, lost = w.Write(buf[:n])
		}
		switch {
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return lost
		case err != nil && left < 2*pipeSize:
			return lost
		}
		select {
		case <-g.over:
			left -= max(n, 1)
			_ = g.output.SetReadDeadline(time.Now().Add(drainWait))
		default:
		}
	}
	return lost
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

func unavailable(op string, err error, hint string) error {
	return &fairlead.Problem{Op: opRun, Kind: fairlead.KindUnavailable, Hint: hint, Err: &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: err}}
}

func notGuarded() error {
	return &fairlead.Problem{
		Op: opRun, Kind: fairlead.KindInternal, Err: errors.New("the program did not answer as a guard"),
		Hint: "call command.Guard first in main, and first in TestMain of a test",
	}
}
