// Package promtest starts throw-away Prometheus servers for tests, from the
// program that a machine has installed.
package promtest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Off is the environment variable that, set to "off", lets tests that need
// Prometheus be skipped where it is not installed.
const Off = "FAIRLEAD_TEST_PROMETHEUS"

const (
	startup  = 60 * time.Second
	shutdown = 20 * time.Second
)

// Start gives the URL of a fresh server on the loopback interface. It scrapes
// every 200 ms what the files say that match the glob discovery, which are in
// the form of Prometheus' file discovery and may come and change at any time.
// The server is gone at the end of the test. Where Prometheus is missing the
// test fails and says what to install; with FAIRLEAD_TEST_PROMETHEUS=off it is
// skipped.
func Start(tb testing.TB, discovery string) (url string) {
	tb.Helper()
	url, stop, err := Launch(tb.TempDir(), discovery)
	if errors.Is(err, exec.ErrNotFound) && os.Getenv(Off) == "off" {
		tb.Skipf("NOT TESTED on Prometheus: %v (%s=off)", err, Off)
	}
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(stop)
	return url
}

// Launch does so below dir, until stop is called or this process ends.
func Launch(dir, discovery string) (url string, stop func(), err error) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		return "", nil, fmt.Errorf("Prometheus is not installed: apt-get install prometheus: %w", err)
	}
	config := fmt.Sprintf(`
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs:
- job_name: replicas
  file_sd_configs: [{files: [%q], refresh_interval: 1s}]
`, discovery)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o600); err != nil {
		return "", nil, err
	}
	// Another process may take the free port before the server does.
	for range 3 {
		if url, stop, err = launch(program, dir); err == nil {
			return url, stop, nil
		}
	}
	return "", nil, err
}

// keeper runs the server, its arguments, until standard input ends. So no
// server outlives a test binary that is killed.
const keeper = `exec 3<&0
"$@" </dev/null >>log 2>&1 3<&- &
server=$!
(read -r line <&3; kill -TERM $server) >/dev/null 2>&1 &
wait $server`

func launch(program, dir string) (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	cmd := exec.Command("/bin/sh", "-c", keeper, "keeper", program, //nolint:noctx // it ends with the pipe that it reads
		"--config.file=prometheus.yml", "--storage.tsdb.path=data", "--storage.tsdb.retention.time=1h",
		"--web.listen-address="+address, "--log.level=warn")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	life, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	stop = func() { end(life, exited, cmd.Process.Pid) }
	if err := ready("http://"+address+"/-/ready", exited); err != nil {
		stop()
		log, _ := os.ReadFile(filepath.Join(dir, "log")) //nolint:gosec // our own
		return "", nil, fmt.Errorf("%w\n%s", err, log)
	}
	return "http://" + address, stop, nil
}

func end(life io.Closer, exited <-chan struct{}, pid int) {
	_ = life.Close()
	select {
	case <-exited:
	case <-time.After(shutdown):
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		<-exited
	}
}

func ready(url string, exited <-chan struct{}) error {
	for deadline := time.Now().Add(startup); time.Now().Before(deadline); {
		resp, err := http.Get(url) //nolint:gosec,noctx // our own server on loopback
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-exited:
			return errors.New("prometheus ended at its start")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return fmt.Errorf("prometheus is not ready after %s", startup)
}
