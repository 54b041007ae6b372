package credential_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/credential"
)

// BenchmarkSource scans the Go standard library's own packages below net, on one
// processor.
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
	hits := 0
	for b.Loop() {
		hits = 0
		for path, content := range files {
			hits += len(finder.Find(b.Context(), path, content))
		}
	}
	b.ReportMetric(float64(hits), "hits")
}
