package command

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"fairlead.dev"
)

// descendants lists the processes below root that are alive, as /proc tells.
// One that is born meanwhile may be missing.
func descendants(root int) []int {
	parent := map[int]int{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if ppid, ok := parentOf(pid); ok {
				parent[pid] = ppid
			}
		}
	}
	var below []int
	for pid := range parent {
		for up, steps := parent[pid], 0; up > 0 && steps <= len(parent); up, steps = parent[up], steps+1 {
			if up == root {
				below = append(below, pid)
				break
			}
		}
	}
	return below
}

// parentOf reads the parent of a process that has not ended.
func parentOf(pid int) (int, bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	// "pid (name) state ppid ...": the name may hold anything, parentheses too.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, false
	}
	ppid, err := strconv.Atoi(string(fields[1]))
	return ppid, err == nil
}

// startProblem says why a program could not be started.
func startProblem(path string, err error) error {
	p := &fairlead.Problem{Op: opRun, Kind: fairlead.KindUnavailable, Err: fmt.Errorf("start %s: %w", path, err)}
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		p.Kind, p.Hint = fairlead.KindNotFound, "install it, or correct its name; only the PATH of the task is searched"
	case errors.Is(err, fs.ErrPermission):
		p.Kind, p.Hint = fairlead.KindDenied, "make it executable, and see that it is a file"
	case errors.Is(err, syscall.ENOEXEC):
		p.Kind, p.Hint = fairlead.KindInvalid, "it is not a program for this machine, or a script without a #! line"
	case errors.Is(err, syscall.E2BIG):
		p.Kind, p.Hint = fairlead.KindInvalid, "arguments and environment together are too long"
	}
	return p
}
