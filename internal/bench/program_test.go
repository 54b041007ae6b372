package bench

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// built is the program under measurement and a repository to use it in.
func built(b *testing.B) (program, repo string) {
	b.Helper()
	dir := b.TempDir()
	program, repo = filepath.Join(dir, "fairlead"), filepath.Join(dir, "repo")
	run(b, ".", "go", "build", "-ldflags=-s -w", "-o", program, "fairlead.dev/cmd/fairlead")
	check(b, os.CopyFS(repo, os.DirFS(filepath.Join("..", "..", "examples", "shop"))))
	run(b, repo, "git", "init", "-q", "-b", "main")
	run(b, repo, "git", "add", "-A")
	run(b, repo, "git", "-c", "user.name=B", "-c", "user.email=b@example.org", "commit", "-q", "-m", "First")
	return program, repo
}

func run(b *testing.B, dir, name string, args ...string) {
	b.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// BenchmarkColdPlan runs `fairlead plan` as a process of its own, beside
// `git log -1` as a bound for what any process that asks git costs here.
func BenchmarkColdPlan(b *testing.B) {
	program, repo := built(b)
	var plans, gits []time.Duration
	for b.Loop() {
		began := time.Now()
		run(b, repo, program, "plan", "--json")
		plans = append(plans, time.Since(began))
		began = time.Now()
		run(b, repo, "git", "log", "-1")
		gits = append(gits, time.Since(began))
	}
	b.ReportMetric(microseconds(plans, 0.5)/1000, "p50-ms")
	b.ReportMetric(microseconds(plans, 0.9)/1000, "p90-ms")
	b.ReportMetric(microseconds(gits, 0.5)/1000, "git-log-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkStart starts the control plane as a server, waits until it says
// that it is ready, and looks at its memory once it is idle.
func BenchmarkStart(b *testing.B) {
	program, repo := built(b)
	var starts []time.Duration
	var memory float64
	for b.Loop() {
		cmd := exec.Command(program, "serve")
		cmd.Dir = repo
		out, err := cmd.StdoutPipe()
		check(b, err)
		began := time.Now()
		check(b, cmd.Start())
		line, err := bufio.NewReader(out).ReadString('\n')
		check(b, err)
		if !strings.Contains(line, "ready") {
			b.Fatalf("serve says %q", line)
		}
		starts = append(starts, time.Since(began))
		if memory == 0 {
			time.Sleep(3 * time.Second)
			memory = resident(b, cmd.Process.Pid)
		}
		check(b, cmd.Process.Signal(syscall.SIGTERM))
		check(b, cmd.Wait())
	}
	size, err := os.Stat(program)
	check(b, err)
	b.ReportMetric(microseconds(starts, 0.5)/1000, "p50-ms-to-ready")
	b.ReportMetric(memory, "idle-MB")
	b.ReportMetric(float64(size.Size())/1e6, "binary-MB")
	b.ReportMetric(0, "ns/op")
}

// resident is a process's memory in MB.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	check(b, err)
	for line := range strings.Lines(string(text)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 {
			return kb / 1000
		}
	}
	b.Fatal("no VmRSS")
	return 0
}
