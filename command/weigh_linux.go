package command

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	weighEvery = 50 * time.Millisecond

	// spare is how much address space a process may reserve beyond its memory:
	// runtimes reserve far more than they use. It only stops what would take
	// gigabytes between two looks.
	spare = 8 << 30
)

// restrict sets the limits that the kernel holds a process and its children to.
func restrict(pid int, l Limits) error {
	set := map[int]uint64{unix.RLIMIT_CORE: 0}
	if l.Memory > 0 {
		set[unix.RLIMIT_AS] = uint64(l.Memory) + spare
	}
	if l.CPU > 0 {
		set[unix.RLIMIT_CPU] = uint64(math.Ceil(l.CPU.Seconds())) + 1 // for what the watcher misses
	}
	if l.File > 0 {
		set[unix.RLIMIT_FSIZE] = uint64(l.File)
	}
	for what, most := range set {
		// A process that ended already is none to limit.
		if err := unix.Prlimit(pid, what, &unix.Rlimit{Cur: most, Max: most}, nil); err != nil && err != unix.ESRCH {
			return err
		}
	}
	return nil
}

// weigh ends the command once its processes together take more than the limits.
func (w *watcher) weigh(l Limits) {
	for ; ; time.Sleep(weighEvery) {
		memory, cpu := taken()
		var over string
		switch {
		case l.Memory > 0 && memory > l.Memory:
			over = ExceededMemory
		case l.CPU > 0 && cpu > l.CPU:
			over = ExceededCPU
		default:
			continue
		}
		w.mu.Lock()
		w.exceeded = over
		w.mu.Unlock()
		for { // until wait has seen the last one and ends this process
			w.killAll()
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// taken gives the bytes that this process's descendants hold and the processor
// time of all that there were.
func taken() (memory int64, cpu time.Duration) {
	for _, pid := range descendants(self()) {
		memory += holds(pid)
		cpu += used(pid)
	}
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_CHILDREN, &u) == nil {
		cpu += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return memory, cpu
}

// self is this process's number as /proc shows it: that of an outer namespace
// where no /proc of its own could be had.
func self() int {
	if name, err := os.Readlink("/proc/self"); err == nil {
		if pid, err := strconv.Atoi(name); err == nil {
			return pid
		}
	}
	return os.Getpid()
}

// holds gives the bytes of memory that a process has for itself or shares by
// memory files, in RAM or swapped out.
func holds(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0 // it ended
	}
	var total int64
	for line := range bytes.Lines(status) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch string(name) {
		case "RssAnon", "RssShmem", "VmSwap":
			kib, _ := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))), 10, 64)
			total += kib << 10
		}
	}
	return total
}

// used gives the processor time of a process and of those it has waited for.
func used(pid int) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// After the name come state, ppid and so on: utime is the twelfth of them,
	// followed by stime, cutime and cstime, in hundredths of a second.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var ticks int64
	for i := 11; i <= 14 && i < len(fields); i++ {
		n, _ := strconv.ParseInt(string(fields[i]), 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
