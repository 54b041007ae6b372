package node

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// watching is the time between looks at a process's memory. A kernel's limit
// would be exact; this one needs no control groups, which a machine may not
// have or not give, and leaves nothing behind.
const watching = 25 * time.Millisecond

// ration kills the process when it and its descendants together hold more
// memory than limit (bytes).
func (p *process) ration(limit int64) {
	tick := time.NewTicker(watching)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-tick.C:
		}
		if resident(p.cmd.Process.Pid) > limit {
			p.starved.Store(true)
			p.kill()
			return
		}
	}
}

// resident is the most memory that a process and its descendants have held, in
// bytes: what was there between two looks is not missed, as a kernel would not
// miss it. A process that has ended has none.
func resident(pid int) int64 {
	var total int64
	if content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
		if _, peak, ok := bytes.Cut(content, []byte("VmHWM:")); ok {
			if fields := bytes.Fields(peak); len(fields) > 0 {
				kilobytes, _ := strconv.ParseInt(string(fields[0]), 10, 64)
				total = kilobytes << 10
			}
		}
	}
	children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range children {
		content, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for _, field := range bytes.Fields(content) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				total += resident(child)
			}
		}
	}
	return total
}
