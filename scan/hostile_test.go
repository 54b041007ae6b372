package scan_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/scan"
)

func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// by finds a result by its word and number.
func by(t *testing.T, all []scan.Result, word string, n int) scan.Result {
	t.Helper()
	for _, r := range all {
		if r.Engine == word {
			if n--; n < 0 {
				return r
			}
		}
	}
	t.Fatalf("no result %s in %+v", word, all)
	return scan.Result{}
}

const oneResult = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"lint"}},"results":[{"ruleId":"r","level":"error","message":{"text":"m"}}]}]}`

// A report is what a stranger wrote: whatever is in it, it ends within limits, and the other
// engines and reports are not disturbed.
func TestHostileReports(t *testing.T) {
	dir, src := t.TempDir(), t.TempDir()
	put(t, src, map[string]string{"a.env": "PASSWORD=Tr0ub4dor-and-3\n"})
	put(t, dir, map[string]string{
		"good.sarif":    oneResult,
		"cut.sarif":     oneResult[:60],
		"foreign.json":  `{"hello":"world"}`,
		"deep.json":     strings.Repeat("[", 1<<20),
		"huge.sarif":    `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[` + strings.Repeat(`{},`, 16<<20) + `{}]}]}`,
		"braces.sarif":  `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[{"ruleId":"r","message":{"text":"` + strings.Repeat("{", 8<<20) + `","arguments":["x"]}}]}]}`,
		"escapes.sarif": strings.ReplaceAll(oneResult, `"text":"m"`, `"text":"m\u001b[2J\u0000"`),
	})
	var job scan.Job
	for _, name := range []string{"good.sarif", "cut.sarif", "foreign.json", "deep.json", "huge.sarif", "braces.sarif", "escapes.sarif"} {
		job.Reports = append(job.Reports, filepath.Join(dir, name))
	}
	job.Source, job.Only, job.Limit = scan.Source{Dir: src}, []string{"secrets", scan.External}, 5*time.Minute
	results, err := runner(t).Run(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	if r := by(t, results, "secrets", 0); r.Result != fairlead.ResultSuccess || r.Findings != 1 {
		t.Errorf("secrets: %+v", r)
	}
	for i, want := range []struct {
		result fairlead.Result
		says   string
		found  int
	}{
		{fairlead.ResultSuccess, "lint", 1},
		{fairlead.ResultError, "no known format", 0},
		{fairlead.ResultError, "no known format", 0},
		{fairlead.ResultError, "nested deeper", 0},
		{fairlead.ResultFailure, "of memory it may", 0},
		{fairlead.ResultError, "larger than 1 MiB", 0},
		{fairlead.ResultSuccess, "lint", 1},
	} {
		r := by(t, results, scan.External, i)
		if r.Result != want.result || !strings.Contains(r.Reason, want.says) || r.Findings != want.found {
			t.Errorf("%s: %s, %d findings: %s", filepath.Base(job.Reports[i]), r.Result, r.Findings, r.Reason)
		}
		for _, f := range r.Found() {
			if strings.ContainsAny(f.Message, "\x1b\x00") {
				t.Errorf("message %q", f.Message)
			}
		}
	}
}

// What cannot be read is told, and is no success: it may hold anything.
func TestWhatCannotBeReadIsTold(t *testing.T) {
	top := t.TempDir()
	put(t, top, map[string]string{"a.txt": "x", "closed/b.txt": "x", "c.env": "PASSWORD=Tr0ub4dor-and-3\n", "d.env": "PASSWORD=Tr0ub4dor-and-4\n"})
	for name, mode := range map[string]os.FileMode{"closed": 0, "c.env": 0, "a.txt": 0o644, "d.env": 0o644} {
		if err := os.Chmod(filepath.Join(top, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(top, "closed"), 0o700) }) //nolint:gosec // so that it can be removed
	r := runner(t)
	for _, dir := range []string{top, filepath.Dir(top)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{r.Dir, filepath.Dir(r.Dir)} {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, files := range [][]string{nil, {"a.txt", "c.env", "d.env", "gone.txt"}} {
		results := make(chan []scan.Result, 1)
		job := scan.Job{Source: scan.Source{Dir: top, Files: files}, Only: []string{"secrets"}}
		r.Dir = filepath.Join(r.Dir, fmt.Sprint(len(files)))
		if err := errors.Join(os.Mkdir(r.Dir, 0o777), os.Chmod(r.Dir, 0o777)); err != nil {
			t.Fatal(err)
		}
		go func() {
			if os.Geteuid() == 0 { // who may read everything
				// The thread ends with the goroutine, and nothing else ever runs as nobody.
				runtime.LockOSThread()
				_ = syscall.Setfsuid(65534)
			}
			all, err := r.Run(t.Context(), job)
			if err != nil {
				t.Error(err)
			}
			results <- all
		}()
		all := <-results
		left := by(t, all, scan.Files, 0)
		if left.Result != fairlead.ResultFailure || !strings.Contains(left.Reason, "permission denied") {
			t.Errorf("%+v", left)
		}
		if files == nil != strings.Contains(left.Reason, "nor can 1 more") {
			t.Errorf("of %v it says %s", files, left.Reason)
		}
	}
}

// A file may be larger than any disk and hold next to nothing: that takes no room, and is found.
func TestHolesTakeNoRoom(t *testing.T) {
	src := t.TempDir()
	put(t, src, map[string]string{"a.env": "PASSWORD=Tr0ub4dor-and-3\n", "b.bin": "beginning"})
	for name, size := range map[string]int64{"b.bin": 1 << 40, "holes": 1 << 40} {
		f, err := os.OpenFile(filepath.Join(src, name), os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteAt([]byte("middle"), 1<<30)
			err = errors.Join(err, f.Truncate(size), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r := runner(t)
	results, err := r.Run(t.Context(), scan.Job{Source: scan.Source{Dir: src}, Only: []string{"secrets", "iac"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := by(t, results, "secrets", 0); got.Findings != 1 || got.Result != fairlead.ResultSuccess || !got.Partial || !strings.Contains(got.Reason, "b.bin: not scanned") {
		t.Errorf("%+v", got)
	}
	if got := by(t, results, "iac", 0); got.Result != fairlead.ResultSuccess {
		t.Errorf("%+v", got)
	}
	middle := make([]byte, 6)
	f, err := os.Open(filepath.Join(r.Dir, "src", "b.bin"))
	if err == nil {
		defer f.Close()
		_, err = f.ReadAt(middle, 1<<30)
	}
	info, serr := os.Stat(filepath.Join(r.Dir, "src", "b.bin"))
	if err != nil || serr != nil || string(middle) != "middle" || info.Size() != 1<<40 || info.Sys().(*syscall.Stat_t).Blocks > 1000 {
		t.Errorf("%q, %+v, %v, %v", middle, info, err, serr)
	}
}
