package podinfo_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReplicas holds what fairlead.yaml relies on: several replicas run side
// by side on ports from the environment, become ready, and end on TERM.
func TestReplicas(t *testing.T) {
	binary := build(t)
	for range 2 {
		replica := start(t, binary)
		replica.await(t, "/readyz", http.StatusOK)
		if status, body := replica.get(t, "/version"); status != http.StatusOK || !strings.Contains(body, "version") {
			t.Errorf("version: %d %s", status, body)
		}
	}
}

// TestBadReleases holds that the flags which make a release bad do so.
func TestBadReleases(t *testing.T) {
	binary := build(t)
	t.Run("random-error", func(t *testing.T) {
		replica := start(t, binary, "--random-error")
		replica.await(t, "/version", http.StatusInternalServerError)
	})
	t.Run("random-delay", func(t *testing.T) {
		replica := start(t, binary, "--random-delay", "--random-delay-unit=ms", "--random-delay-min=200", "--random-delay-max=300")
		replica.await(t, "/readyz", http.StatusOK)
		began := time.Now()
		replica.get(t, "/version")
		if took := time.Since(began); took < 200*time.Millisecond {
			t.Errorf("answered after %s", took)
		}
	})
	t.Run("unready", func(t *testing.T) {
		replica := start(t, binary, "--unready")
		replica.await(t, "/healthz", http.StatusOK)
		if status, _ := replica.get(t, "/readyz"); status != http.StatusServiceUnavailable {
			t.Errorf("readyz: %d", status)
		}
	})
	t.Run("unhealthy", func(t *testing.T) {
		replica := start(t, binary, "--unhealthy")
		replica.await(t, "/readyz", http.StatusOK)
		if status, _ := replica.get(t, "/healthz"); status != http.StatusServiceUnavailable {
			t.Errorf("healthz: %d", status)
		}
	})
}

// build makes the binary just as fairlead.yaml does.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "podinfo")
	command := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", binary, "github.com/stefanprodan/podinfo/cmd/podinfo")
	if output, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, output)
	}
	return binary
}

// replica is one running podinfo.
type replica struct{ url string }

// start runs the binary on a free port and ends it, by TERM, with the test.
func start(t *testing.T, binary string, flags ...string) replica {
	t.Helper()
	port := freePort(t)
	command := exec.Command(binary, append([]string{"--host=127.0.0.1", "--level=warn"}, flags...)...)
	command.Env = []string{"PODINFO_PORT=" + port}
	command.Dir = t.TempDir()
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("term: %v", err)
		}
		if err := command.Wait(); err != nil {
			t.Errorf("end: %v", err)
		}
	})
	return replica{url: "http://127.0.0.1:" + port}
}

// freePort gives a port that nobody listens on now.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
}

// await asks until the path answers with the wanted status.
func (r replica) await(t *testing.T, path string, want int) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		response, err := http.Get(r.url + path)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == want {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s never answered %d", path, want)
}

// get asks once and gives status and body.
func (r replica) get(t *testing.T, path string) (int, string) {
	t.Helper()
	response, err := http.Get(r.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
