package command

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"fairlead.dev"
)

// Guard does a guard's work and never returns when this process was started to
// be one; otherwise it does nothing. Call it first in main, before flags are
// read or anything is opened, and first in TestMain of tests that run commands.
func Guard() {
	if os.Args[0] != guardName || len(os.Args) != 2 {
		return
	}
	runtime.LockOSThread() // rights and the parent's death signal belong to a thread
	reports := json.NewEncoder(os.NewFile(reportFD, "report"))
	var err error
	switch os.Args[1] {
	case modeEnter, modeCutOff:
		err = enter(os.Args[1] == modeCutOff)
	case modePlain, modeInside:
		err = (&watcher{inside: os.Args[1] == modeInside, reports: reports}).work()
	default:
		err = fmt.Errorf("no guard mode %q", os.Args[1])
	}
	if err != nil {
		_ = reports.Encode(report{Ready: true})
		_ = reports.Encode(report{Problem: fairlead.FaultOf(err)})
		syscall.Exit(fairlead.ExitInfrastructure)
	}
	syscall.Exit(0) // unlike os.Exit it does not wait for the race detector
}

// Harden keeps other processes of the same user from reading this one's memory
// and open files, and its memory out of core files. Call it once in a program
// that holds secrets.
func Harden() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return &fairlead.Problem{Op: "harden process", Kind: fairlead.KindUnavailable, Err: err}
	}
	return nil
}

// watcher is a guard that runs the command as its child.
type watcher struct {
	inside  bool // process 1 of its own namespaces
	reports *json.Encoder

	mu       sync.Mutex
	pid      int           // of the command while it has not been waited for
	exceeded string        // the limit for which it is being ended
	cpu      time.Duration // at which the kernel kills it; 0: never
}

// work takes the order, runs it, and reports. It returns an error only while
// nothing runs.
func (w *watcher) work() error {
	// Nothing that this process inherited or opened reaches the command.
	if err := unix.CloseRange(controlFD, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return unavailable("close descriptors", err, "Linux 5.11 or later is needed")
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return unavailable("adopt orphans", err, "")
	}
	if err := Harden(); err != nil {
		return err
	}
	if err := w.reports.Encode(report{Ready: true}); err != nil {
		return nil // the maker is gone, and nobody is left to tell
	}
	control := bufio.NewReader(os.NewFile(controlFD, "control"))
	line, err := control.ReadBytes('\n')
	if err != nil {
		return nil
	}
	var o order
	if err := json.Unmarshal(line, &o); err != nil {
		return &fairlead.Problem{Op: "read order", Kind: fairlead.KindInternal, Err: err}
	}
	if w.inside {
		if err := isolate(o); err != nil {
			return err
		}
	}
	if err := fence(o); err != nil {
		return err
	}
	if o.Probe {
		return w.reports.Encode(report{Ended: &ending{}})
	}
	if err := w.launch(o); err != nil {
		return err
	}
	_ = w.reports.Encode(report{PID: w.pid})
	go w.obey(control)
	if o.Limits.Memory > 0 || o.Limits.CPU > 0 {
		go w.weigh(o.Limits)
	}
	status := w.wait()
	_ = w.reports.Encode(report{Ended: status})
	return nil
}

// launch starts the command in a session of its own, with the order's input and
// the guard's output as output.
func (w *watcher) launch(o order) error {
	path, err := lookup(o)
	if err != nil {
		return err
	}
	if o.Input == "" {
		o.Input = os.DevNull
	}
	input, err := os.Open(o.Input)
	if err != nil {
		return unavailable("open input", err, "")
	}
	defer input.Close()
	pid, err := syscall.ForkExec(path, o.Args, &syscall.ProcAttr{
		Dir: o.Dir, Env: o.Env, Files: []uintptr{input.Fd(), 1, 2},
		Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return startProblem(path, err)
	}
	w.pid, w.cpu = pid, o.Limits.CPU
	if err := restrict(pid, o.Limits); err != nil {
		w.killAll()
		return unavailable("limit the command", err, "")
	}
	return nil
}

// obey does what the letters say until the maker is gone.
func (w *watcher) obey(control *bufio.Reader) {
	for {
		letter, err := control.ReadByte()
		if err == nil && letter == letterTerm {
			w.mu.Lock()
			if w.pid != 0 {
				_ = syscall.Kill(-w.pid, syscall.SIGTERM)
			}
			w.mu.Unlock()
			continue
		}
		for { // until wait has seen the last one and ends this process
			w.killAll()
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// wait waits for the command, kills what it leaves behind and waits for that too.
func (w *watcher) wait() *ending {
	main := &ending{}
	for {
		w.mu.Lock()
		running := w.pid != 0
		w.mu.Unlock()
		if !running {
			w.killAll()
		}
		var status syscall.WaitStatus
		var took syscall.Rusage
		pid, err := syscall.Wait4(-1, &status, waitOptions(running), &took)
		switch {
		case err == syscall.EINTR:
		case err != nil: // nobody is left
			main.Peak = peak()
			w.mu.Lock()
			main.Exceeded = w.exceeded
			w.mu.Unlock()
			return main
		case pid == 0:
			time.Sleep(time.Millisecond)
		case pid == w.pid:
			main.ExitCode = status.ExitStatus() // -1 when a signal ended it
			if status.Signaled() {
				main.Signal = status.Signal().String()
			}
			w.mu.Lock()
			w.pid = 0
			if w.cpu > 0 && status.Signaled() && w.exceeded == "" && time.Duration(took.Utime.Nano()+took.Stime.Nano()) >= w.cpu {
				w.exceeded = ExceededCPU
			}
			w.mu.Unlock()
		}
	}
}

// waitOptions: once only leftovers remain they are killed again and again,
// because they may multiply while being killed.
func waitOptions(running bool) int {
	if running {
		return 0
	}
	return syscall.WNOHANG
}

// killAll kills every process of the command, whatever group or session it
// went to.
func (w *watcher) killAll() {
	if w.inside {
		_ = syscall.Kill(-1, syscall.SIGKILL) // everybody in the namespace but process 1
		return
	}
	for _, pid := range descendants(os.Getpid()) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// peak is the memory of the largest process waited for, in bytes.
func peak() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u) != nil {
		return 0
	}
	return u.Maxrss << 10
}

// lookup finds the program in the order's own PATH.
func lookup(o order) (string, error) {
	name := o.Args[0]
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(o.Dir, name)
		}
		return name, nil
	}
	var path string
	for _, v := range o.Env {
		if p, ok := strings.CutPrefix(v, "PATH="); ok {
			path = p
		}
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(o.Dir, dir)
		}
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() && unix.Access(file, unix.X_OK) == nil {
			return file, nil
		}
	}
	return "", startProblem(name, exec.ErrNotFound)
}
