package process

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"
)

func TestMemoryOfAProcessAndItsChildren(t *testing.T) {
	alone := residentMemory(os.Getpid())
	if alone < 1<<20 {
		t.Fatalf("this process is said to have %d bytes", alone)
	}
	child := exec.Command("sleep", "30")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	if got := residentMemory(child.Process.Pid); got <= 0 || got > 64<<20 {
		t.Errorf("sleep is said to have %d bytes", got)
	}
	if got := residentMemory(1 << 30); got != 0 {
		t.Errorf("a process that does not exist is said to have %d bytes", got)
	}
}

func TestTooMuchMemoryIsToldOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	select {
	case used := <-watchMemory(ctx, os.Getpid(), 1):
		if used < 1 {
			t.Errorf("told of %d bytes", used)
		}
	case <-ctx.Done():
		t.Fatal("not told")
	}
	for _, limit := range []int64{0, 1 << 50} {
		short, stop := context.WithTimeout(context.Background(), 3*memoryEvery)
		select {
		case used := <-watchMemory(short, os.Getpid(), limit):
			t.Errorf("limit %d: told of %d bytes", limit, used)
		case <-short.Done():
		}
		stop()
	}
}
