package process

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// memoryEvery is how often a replica's memory is looked at.
const memoryEvery = 500 * time.Millisecond

// watchMemory tells once when a process and its descendants take more than
// limit bytes. No limit, no watching; a system without /proc shows nothing.
func watchMemory(ctx context.Context, pid int, limit int64) <-chan int64 {
	over := make(chan int64, 1)
	if limit <= 0 {
		return over
	}
	go func() {
		for pause(ctx, memoryEvery) {
			if used := residentMemory(pid); used > limit {
				over <- used
				return
			}
		}
	}()
	return over
}

// residentMemory is what a process and its descendants have in memory, bytes.
// What ends meanwhile counts as nothing.
func residentMemory(pid int) int64 {
	var total int64
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid)); err == nil {
		if f := strings.Fields(string(b)); len(f) > 1 {
			pages, _ := strconv.ParseInt(f[1], 10, 64) // the kernel writes numbers
			total = pages * int64(os.Getpagesize())
		}
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return total
	}
	for _, word := range strings.Fields(string(b)) {
		if child, err := strconv.Atoi(word); err == nil {
			total += residentMemory(child)
		}
	}
	return total
}
