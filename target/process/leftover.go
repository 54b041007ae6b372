package process

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// traces remembers running replicas on disk, so that an agent that comes after
// one that was killed finds what that one left running. A replica is known by
// pid and start time; a pid that was given to another process since is not
// touched. What the record missed, because the agent was killed between a
// start and its record or because a process left its group, is found by the
// agent's mark in the process's environment.
type traces struct {
	dir  string
	mark string // see killMarked
}

type trace struct {
	PID   int    `json:"pid"`   // also of its process group
	Start uint64 `json:"start"` // clock ticks from boot to its start
	Boot  string `json:"boot"`  // the boot these belong to
}

func (t traces) add(replica string, pid int) error {
	start, err := startTime(pid)
	if err != nil {
		return err
	}
	b, err := json.Marshal(trace{PID: pid, Start: start, Boot: bootID()})
	if err != nil {
		return err
	}
	return os.WriteFile(t.path(replica), b, 0o600)
}

func (t traces) remove(replica string) { _ = os.Remove(t.path(replica)) }

func (t traces) path(replica string) string { return filepath.Join(t.dir, replica+".json") }

// clear kills everything that an earlier agent left running and waits until
// it is gone.
func (t traces) clear(log *slog.Logger) error {
	entries, err := os.ReadDir(t.dir)
	if err != nil {
		return unavailable("look for leftovers", "", err)
	}
	boot := bootID()
	for _, e := range entries {
		file := filepath.Join(t.dir, e.Name())
		var left trace
		if b, err := os.ReadFile(file); err == nil && json.Unmarshal(b, &left) == nil && left.Boot == boot {
			if start, err := startTime(left.PID); err == nil && start == left.Start {
				log.Info("leftover replica killed", "process.pid", left.PID)
				_ = syscall.Kill(-left.PID, syscall.SIGKILL)
				awaitGone(left)
			}
		}
		if err := os.Remove(file); err != nil {
			return unavailable("look for leftovers", "", err)
		}
	}
	killMarked(t.mark)
	return nil
}

// awaitGone waits, for two seconds at most, until a killed process is gone or
// waits only for its parent.
func awaitGone(left trace) {
	for range 200 {
		if start, err := startTime(left.PID); err != nil || start != left.Start || state(left.PID) == "Z" {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// killMarked kills every process with a variable in its environment that
// begins with mark: "NAME=value" and so on; a mark that ends with a zero byte
// stands for the whole variable. It looks again until it finds none, because a
// process may fork while it is looked at.
func killMarked(mark string) {
	for range 20 {
		if !killMarkedOnce([]byte(mark)) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func killMarkedOnce(mark []byte) (found bool) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		// The descriptor pins the process, so that pid cannot become another
		// one between the look and the signal.
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue
		}
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err == nil && hasVariable(env, mark) && unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) == nil {
			found = true
		}
		_ = unix.Close(fd)
	}
	return found
}

func hasVariable(environ, mark []byte) bool {
	return bytes.HasPrefix(environ, mark) || bytes.Contains(environ, append([]byte{0}, mark...))
}

// groupLives tells whether a process group has a process that has not ended.
func groupLives(leader int) bool {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return false
	}
	group := strconv.Itoa(leader)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if fields, err := stat(pid); err == nil && fields[2] == group && fields[0] != "Z" && fields[0] != "X" {
			return true
		}
	}
	return false
}

// startTime gives the start of a process in clock ticks since boot.
func startTime(pid int) (uint64, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(fields[19], 10, 64)
}

// state is the letter of a process's state; "" when there is none.
func state(pid int) string {
	fields, err := stat(pid)
	if err != nil {
		return ""
	}
	return fields[0]
}

// stat gives the fields of /proc/<pid>/stat from the third one on. The second,
// the program's name, may contain anything.
func stat(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 20 {
		return nil, errors.New("process status is too short")
	}
	return fields, nil
}

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// waitEnd waits until a child has ended, and leaves it to be reaped.
func waitEnd(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return
		}
	}
}
