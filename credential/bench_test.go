package credential_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead.dev/credential"
)

// BenchmarkSource scans the Go standard library's own packages below net, on one
// processor. On a busy machine the rate by processor time is the one to look at.
func BenchmarkSource(b *testing.B) {
	finder, err := credential.New(credential.Options{})
	if err != nil {
		b.Fatal(err)
	}
	files, size := map[string][]byte{}, int64(0)
	goroot, err := exec.CommandContext(b.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	root := filepath.Join(strings.TrimSpace(string(goroot)), "src", "net")
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		files[path], size = content, size+int64(len(content))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	hits, before := 0, processor(b)
	for b.Loop() {
		hits = 0
		for path, content := range files {
			hits += len(finder.Find(b.Context(), path, content))
		}
	}
	b.ReportMetric(float64(hits), "hits")
	b.ReportMetric(float64(size)*float64(b.N)/1e6/(processor(b)-before).Seconds(), "MB/cpu-s")
}

// processor is the processor time of this process.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
