package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostileTime and hostileMemory are what the scan of a hostile tree may take,
// however busy the machine is: whatever is read without a limit takes more.
const (
	hostileTime   = 4 * time.Minute
	hostileMemory = 1 << 30
)

// A developer's scan gets a tree that somebody made to break it: it ends in time
// and within memory, says what it could not read, and every engine that can
// still finds what there is beside it.
func TestScanOfHostileTrees(t *testing.T) {
	home := t.TempDir()
	db := filepath.Join(home, "db.sqlite")
	record := filepath.Join(home, "TEST-2026-1.json")
	put(t, record, `{"id":"TEST-2026-1","modified":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"flask"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0"}]}]}]}`)
	if out, err := hostileRun(t, home, "vulndb", "import", record, "--vulndb", db); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	bad := "\xff\xfe\xfd\x80broken\xc3\x28\n"
	for _, tt := range []struct {
		name string
		make func(t *testing.T, dir string)
	}{
		{"a gigabyte in a small archive", bombs},
		{"a lock file with 100,000 entries", func(t *testing.T, dir string) { put(t, filepath.Join(dir, "package-lock.json"), lockFile(100_000)) }},
		{"links in circles and out of the tree", links},
		{"text in no encoding", func(t *testing.T, dir string) {
			for _, name := range []string{"package-lock.json", "go.mod", "poetry.lock", "app.yaml", "main.tf", "Dockerfile", ".env", "a.go"} {
				put(t, filepath.Join(dir, "bad", name), bad)
			}
		}},
		{"cut documents", func(t *testing.T, dir string) {
			for _, name := range []string{"package-lock.json", "composer.lock", "plan.tfplan.json", "pod.json", "Pipfile.lock"} {
				put(t, filepath.Join(dir, "cut", name), `{"lockfileVersion":3,"packages":{"node_modules/a":{"version":"1.0`)
			}
		}},
		{"dependencies in a circle", func(t *testing.T, dir string) {
			put(t, filepath.Join(dir, "package-lock.json"), `{"name":"x","lockfileVersion":3,"packages":{"":{"dependencies":{"a":"1.0.0"}},`+
				`"node_modules/a":{"version":"1.0.0","dependencies":{"b":"1.0.0"}},"node_modules/b":{"version":"1.0.0","dependencies":{"a":"1.0.0","b":"1.0.0"}}}}`)
		}},
		{"deep documents", func(t *testing.T, dir string) {
			put(t, filepath.Join(dir, "package-lock.json"), strings.Repeat(`{"packages":`, 200_000))
			put(t, filepath.Join(dir, "deep.yaml"), strings.Repeat("[", 200_000))
		}},
		{"a tar that leads out", func(t *testing.T, dir string) { put(t, filepath.Join(dir, "layer.tar"), climbing(t)) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "tree")
			put(t, filepath.Join(dir, "beside", "requirements.txt"), "flask==1.0\n")
			put(t, filepath.Join(dir, "beside", ".env"), "DB_PASSWORD=Kestrel41"+"!harbor\n")
			put(t, filepath.Join(dir, "beside", "Dockerfile"), "FROM debian:latest\nUSER root\n")
			tt.make(t, dir)
			out, err := hostileRun(t, home, "scan", dir, "--only", "secrets,sca,iac", "--json", "--fail-on", "none", "--vulndb", db)
			told(t, out, err)
			if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 1 {
				t.Errorf("beside the tree there is %v, %v", entries, err)
			}
		})
	}
}

// told checks that every engine ended, and what was found beside the trouble. An
// engine that did not get through must say why.
func told(t *testing.T, out []byte, err error) {
	t.Helper()
	var s struct {
		Engines []struct {
			Engine, Result, Reason string
		}
		Findings []struct {
			Finding struct{ Category, Rule, Location any }
		}
	}
	if jerr := json.Unmarshal(out, &s); jerr != nil {
		t.Fatalf("%v: %v\n%s", err, jerr, out)
	}
	failed := map[string]bool{}
	for _, e := range s.Engines {
		if e.Result != "success" {
			failed[e.Engine] = true
			t.Logf("%s: %s: %s", e.Engine, e.Result, e.Reason)
		}
		if e.Result != "success" && e.Reason == "" {
			t.Errorf("%s ended with %s and no reason", e.Engine, e.Result)
		}
	}
	if err != nil && len(failed) == 0 {
		t.Errorf("every engine succeeded, and yet: %v", err)
	}
	for engine, word := range map[string]string{"secrets": "beside/.env", "sca": "TEST-2026-1", "iac": "beside/Dockerfile"} {
		if !failed[engine] && !bytes.Contains(out, []byte(word)) {
			t.Errorf("%s did not find %s", engine, word)
		}
	}
	if failed["secrets"] {
		t.Error("secrets reads nothing that could stop it here")
	}
}

// hostileRun runs the program within the limits, and gives what it wrote.
func hostileRun(t *testing.T, home string, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hostileTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(program, "fairlead"), args...)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CACHE_HOME=")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("not done after %s\n%s", hostileTime, stderr.String())
	}
	// Linux counts the largest process of all that were waited for, in KiB.
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.Logf("%d MiB, %s of processor time", u.Maxrss>>10, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		if u.Maxrss<<10 > hostileMemory {
			t.Errorf("it took %d MiB", u.Maxrss>>10)
		}
	}
	if err != nil {
		err = fmt.Errorf("%w: %s", err, stderr.String())
	}
	return stdout.Bytes(), err
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// bombs makes archives of a gigabyte of zeros, under names that scanners open.
func bombs(t *testing.T, dir string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("META-INF/MANIFEST.MF")
	if err == nil {
		_, err = io.CopyN(w, zeros{}, 1<<30)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"app.jar", "app.whl", "app.zip", "app.nupkg"} {
		put(t, filepath.Join(dir, name), b.String())
	}
}

type zeros struct{}

// Read gives nothing but zeros.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func lockFile(n int) string {
	var b strings.Builder
	b.WriteString(`{"name":"x","lockfileVersion":3,"packages":{"":{"dependencies":{"p0":"1.0.0"}}`)
	for i := range n {
		fmt.Fprintf(&b, `,"node_modules/p%d":{"version":"1.0.0","dependencies":{"p%d":"1.0.0"}}`, i, (i+1)%n)
	}
	b.WriteString("}}")
	return b.String()
}

func links(t *testing.T, dir string) {
	t.Helper()
	for name, to := range map[string]string{"a": "b", "b": "a", "self": ".", "up": "..", "out": "/etc", "go.mod": "/etc/hostname", "package-lock.json": "package-lock.json"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// climbing is an archive whose names lead out of wherever it is unpacked.
func climbing(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range []string{"../evil", "../../evil", "/tmp/evil-of-fairlead-test", "manifest.json"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: 4, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("evil")); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
