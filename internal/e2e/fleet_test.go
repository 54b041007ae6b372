package e2e

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/store"
)

// How much TestFleet releases; `make bench-releases` asks for a thousand.
var (
	fleetServices = flag.Int("services", 6, "services of TestFleet")
	fleetReleases = flag.Int("releases", 30, "releases of TestFleet, beside the first of every service")
	fleetWorkers  = flag.Int("workers", 3, "releases at the same time in TestFleet")
)

// fleet is many services, each in a repository of its own, that one state
// directory releases: one record, one agent, real processes and traffic.
type fleet struct {
	*testing.T
	state    string
	services []*ship
	mu       sync.Mutex
	took     []time.Duration
	peak     int64 // bytes, of any `fairlead run`
}

type ship struct {
	name, dir, url string
	version        int
	busy           sync.Mutex
}

const shipConfig = `version: 1
service: %s
build: {run: 'cp %s tiny.bin', artifacts: [tiny.bin, version]}
tests:
  unit: {run: 'echo 1..1; echo "ok 1 - fine"', report: tap, needs: [build]}
environments:
  staging: {deploy: %s, target: {process: {command: [./tiny.bin], replicas: 1, listen: "127.0.0.1:%d", ready: {http: /ready}}}}
deploy:
  rolling: {for: 200ms, undecided: promote}
  canary: {steps: [{weight: 20, for: 200ms}, {weight: 60, for: 200ms}], bake: 0s, undecided: promote}
  blue-green: {for: 200ms, keep-old: 0s, bake: 0s, undecided: promote}
`

// TestFleet releases many services at once and loses none: every run ends with
// success, every service serves its last version, every record is complete,
// nothing is left behind, and no user's request fails.
func TestFleet(t *testing.T) {
	f := newFleet(t)
	began := time.Now()
	f.all(*fleetServices, func(i int) *ship { return f.services[i] })
	t.Logf("first releases of %d services: %s", *fleetServices, time.Since(began).Round(time.Second))
	f.took = nil
	stop := f.visitors()
	began = time.Now()
	f.all(*fleetReleases, func(i int) *ship { return f.services[i%len(f.services)] })
	span := time.Since(began)
	sent, failed := stop()
	f.report(span, sent, failed)
	f.holdLive()
	f.holdRecords()
	f.holdClean()
	if len(failed) > 0 {
		t.Errorf("%d of %d requests failed, the first with %s", len(failed), sent, failed[0])
	}
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{T: t, state: filepath.Join(t.TempDir(), "state")}
	for i := range *fleetServices {
		port, err := freePort()
		if err != nil {
			t.Fatal(err)
		}
		s := &ship{name: fmt.Sprintf("ship-%02d", i), dir: t.TempDir(), url: fmt.Sprintf("http://127.0.0.1:%d", port)}
		strategy := []string{"rolling", "canary", "blue-green"}[i%3]
		config := fmt.Sprintf(shipConfig, s.name, filepath.Join(program, "tiny"), strategy, port)
		if err := os.WriteFile(filepath.Join(s.dir, "fairlead.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		f.git(s, "init", "-q", "-b", "develop")
		f.services = append(f.services, s)
	}
	t.Cleanup(func() { endAll(f.state) })
	return f
}

func (f *fleet) git(s *ship, args ...string) {
	cmd := exec.Command("git", append([]string{"-C", s.dir, "-c", "user.name=D", "-c", "user.email=d@example.org", "-c", "gc.auto=0"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		f.Errorf("git %v: %v\n%s", args, err, out)
	}
}

// all makes so many releases, a few at a time and one of a service at a time.
func (f *fleet) all(releases int, of func(i int) *ship) {
	f.Helper()
	var next atomic.Int64
	var workers sync.WaitGroup
	for range *fleetWorkers {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(releases) && !f.Failed(); i = next.Add(1) - 1 {
				f.release(of(int(i)))
			}
		})
	}
	workers.Wait()
	if f.Failed() {
		f.FailNow()
	}
}

// release commits a new version of a service and delivers it.
func (f *fleet) release(s *ship) {
	s.busy.Lock()
	defer s.busy.Unlock()
	s.version++
	if err := os.WriteFile(filepath.Join(s.dir, "version"), fmt.Appendf(nil, "%s %d\n", s.name, s.version), 0o600); err != nil {
		f.Error(err)
	}
	f.git(s, "add", "-A")
	f.git(s, "commit", "-q", "-m", fmt.Sprintf("Version %d", s.version))
	began := time.Now()
	cmd := exec.Command(filepath.Join(program, "fairlead"), "-C", s.dir, "--state", f.state, "run")
	out, err := cmd.CombinedOutput()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.took = append(f.took, time.Since(began))
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		f.peak = max(f.peak, usage.Maxrss<<10)
	}
	if err != nil {
		f.Errorf("%s version %d: %v\n%s", s.name, s.version, err, out)
	}
}

// visitors ask every service in turn until stop is called, which gives how
// many requests were sent and those that failed.
func (f *fleet) visitors() (stop func() (int64, []string)) {
	ctx, cancel := context.WithCancel(context.Background())
	var sent atomic.Int64
	var failed []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ctx.Err() == nil; n++ {
			if err := visit(f.services[n%len(f.services)].url, fmt.Sprintf("v%d", n)); err != nil && len(failed) < 1000 {
				failed = append(failed, err.Error())
			}
			sent.Add(1)
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return func() (int64, []string) {
		cancel()
		<-done
		return sent.Load(), failed
	}
}

// report says what it took, as rows of the table in docs/reference/benchmarks.md.
func (f *fleet) report(span time.Duration, sent int64, failed []string) {
	slices.Sort(f.took)
	at := func(q float64) time.Duration {
		return f.took[min(len(f.took)-1, int(q*float64(len(f.took))))].Round(10 * time.Millisecond)
	}
	agent := f.agent()
	load, _ := os.ReadFile("/proc/loadavg")
	rows := [][2]string{
		{"releases, services, at the same time", fmt.Sprintf("%d, %d, %d", len(f.took), len(f.services), *fleetWorkers)},
		{"time for all of them", span.Round(time.Second).String()},
		{"releases an hour", fmt.Sprintf("%.0f", float64(len(f.took))/span.Hours())},
		{"commit to live, p50 / p90 / p99 / longest", fmt.Sprintf("%s / %s / %s / %s", at(0.5), at(0.9), at(0.99), at(1))},
		{"peak memory of a control plane or a process it waited for", mebibytes(f.peak)},
		{"peak memory of the agent", mebibytes(status(agent, "VmHWM") << 10)},
		{"open files of the agent afterwards", fmt.Sprint(entries(fmt.Sprintf("/proc/%d/fd", agent)))},
		{"the record", mebibytes(size(filepath.Join(f.state, "private", "fairlead.db*")))},
		{"the engine's checkpoints", mebibytes(size(filepath.Join(f.state, "private", "engine.db*")))},
		{"the state directory", mebibytes(tree(f.state))},
		{"requests failed meanwhile", fmt.Sprintf("%d of %d", len(failed), sent)},
		{"load of the machine afterwards", strings.Join(strings.Fields(string(load))[:3], " ")},
	}
	for _, r := range rows {
		f.Logf("| %s | %s |", r[0], r[1])
	}
}

// holdLive holds that every service serves the version that was released last.
func (f *fleet) holdLive() {
	f.Helper()
	for _, s := range f.services {
		resp, err := http.Get(s.url)
		if err != nil {
			f.Errorf("%s: %v", s.name, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if want := fmt.Sprintf("%s %d\n", s.name, s.version); err != nil || string(body) != want {
			f.Errorf("%s serves %q, %v; want %q", s.name, body, err, want)
		}
	}
}

// holdRecords holds that there is a run for every release, that it ended with
// success, and that its record has everything, once.
func (f *fleet) holdRecords() {
	f.Helper()
	db, err := store.Open(f.Context(), "sqlite:"+filepath.Join(f.state, "private", "fairlead.db"))
	if err != nil {
		f.Fatal(err)
	}
	defer db.Close()
	runs, err := db.Runs(f.Context(), fairlead.RunFilter{Limit: 1 << 20})
	if err != nil || len(runs) != *fleetServices+*fleetReleases {
		f.Errorf("%d runs are recorded, %v; want %d", len(runs), err, *fleetServices+*fleetReleases)
	}
	for _, run := range runs {
		if run.State != fairlead.StateFinished || run.Result != fairlead.ResultSuccess {
			f.Errorf("%s is %s %s: %s", run.ID, run.State, run.Result, run.Reason)
		}
		records, err := db.Records(f.Context(), fairlead.RecordFilter{RunID: run.ID})
		if err != nil {
			f.Fatal(err)
		}
		plan, err := db.Plan(f.Context(), run.Plan)
		if err != nil {
			f.Fatal(err)
		}
		count := map[fairlead.RecordType]int{}
		for _, r := range records {
			count[r.Type]++
		}
		for typ, want := range map[fairlead.RecordType]int{
			fairlead.RecordRunQueued: 1, fairlead.RecordRunStarted: 1, fairlead.RecordRunFinished: 1, fairlead.RecordTaskFinished: len(plan.Tasks),
			fairlead.RecordDecision: 1, fairlead.RecordDeploymentBegan: 1, fairlead.RecordServiceDeployed: 1,
		} {
			if count[typ] != want {
				f.Errorf("%s has %d records %s, want %d", run.ID, count[typ], typ, want)
			}
		}
	}
	f.holdPlaces(db)
}

// holdPlaces holds that every service's live release is of its last commit.
func (f *fleet) holdPlaces(db *store.Store) {
	f.Helper()
	all, err := db.Environments(f.Context())
	if err != nil || len(all) != len(f.services) {
		f.Fatalf("%d places, %v", len(all), err)
	}
	for _, st := range all {
		i := slices.IndexFunc(f.services, func(s *ship) bool { return s.name == st.Service })
		head, err := exec.Command("git", "-C", f.services[i].dir, "rev-parse", "HEAD").Output()
		if err != nil || st.Moving != "" || st.Current == nil || st.Current.Commit != strings.TrimSpace(string(head)) {
			f.Errorf("%s: moving %q, live %+v; want %s, %v", st.Service, st.Moving, st.Current, head, err)
		}
	}
}

// holdClean holds that nothing is left: no workspace, no process beside the
// agent's replicas, no file that the agent holds open for a release that went.
func (f *fleet) holdClean() {
	f.Helper()
	if n := entries(filepath.Join(f.state, "work")); n > 0 {
		f.Errorf("%d workspaces are left", n)
	}
	if n := entries(filepath.Join(f.state, "private", "agent", "releases")); n > 12*len(f.services) { // two in use, ten to go back to
		f.Errorf("the agent keeps %d releases of %d services", n, len(f.services))
	}
	agent := f.agent()
	if n := entries(fmt.Sprintf("/proc/%d/fd", agent)); n > 40+20*len(f.services) {
		f.Errorf("the agent has %d files open", n)
	}
	// The old release is stopped when it has answered what it was asked.
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		n := f.replicas()
		if n == len(f.services) {
			return
		}
		if time.Now().After(end) {
			f.Errorf("%d replicas run of %d services", n, len(f.services))
			return
		}
	}
}

// replicas counts the processes that run a release of this fleet.
func (f *fleet) replicas() int {
	exes, _ := filepath.Glob("/proc/[0-9]*/exe")
	n := 0
	for _, exe := range exes {
		if to, err := os.Readlink(exe); err == nil && strings.HasPrefix(to, filepath.Join(f.state, "private", "agent")) {
			n++
		}
	}
	return n
}

// agent is the process id of the fleet's agent.
func (f *fleet) agent() int {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		b, _ := os.ReadFile(line)
		words := strings.Split(string(b), "\x00")
		if len(words) > 1 && slices.Contains(words, "agent") && strings.Contains(string(b), f.state) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(line)))
			return pid
		}
	}
	f.Fatal("no agent runs")
	return 0
}

// status reads a number of /proc/PID/status.
func status(pid int, key string) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(b), key+":")
	var n int64
	_, _ = fmt.Sscan(rest, &n)
	return n
}

func entries(dir string) int {
	all, _ := os.ReadDir(dir)
	return len(all)
}

func size(pattern string) (sum int64) {
	files, _ := filepath.Glob(pattern)
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

func tree(dir string) (sum int64) {
	_ = filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if info, err := d.Info(); err == nil {
				sum += info.Size()
			}
		}
		return nil
	})
	return sum
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }
