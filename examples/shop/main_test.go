package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// process is a shop that runs as it would in production, but in this process.
type process struct {
	url  string
	stop context.CancelFunc
	done chan error
}

// start runs the shop and waits until it listens.
func start(t *testing.T, data string, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log, output := io.Pipe()
	p := &process{stop: cancel, done: make(chan error, 1)}
	env := map[string]string{"PORT": "0", "FAIRLEAD_DATA": data}
	go func() {
		p.done <- run(ctx, args, func(name string) string { return env[name] }, output)
		output.Close()
	}()
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
			p.url = "http://" + line.Address
			break
		}
	}
	if p.url == "" {
		t.Fatalf("the shop did not start: %v", <-p.done)
	}
	go io.Copy(io.Discard, log)
	t.Cleanup(cancel)
	return p
}

// get asks for a path and gives status and body.
func (p *process) get(t *testing.T, path string) (int, string) {
	t.Helper()
	response, err := http.Get(p.url + path)
	return read(t, response, err)
}

func (p *process) post(t *testing.T, path, body string) (int, string) {
	t.Helper()
	response, err := http.Post(p.url+path, "application/json", strings.NewReader(body))
	return read(t, response, err)
}

func read(t *testing.T, response *http.Response, err error) (int, string) {
	t.Helper()
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

func TestOrderIsKeptOverARestart(t *testing.T) {
	data := t.TempDir()
	first := start(t, data)
	status, body := first.post(t, "/orders", `{"product_id":1,"quantity":2}`)
	if status != http.StatusCreated || !strings.Contains(body, `"cents":4980`) {
		t.Fatalf("place order: %d %s", status, body)
	}
	first.stop()
	if err := <-first.done; err != nil {
		t.Fatal(err)
	}
	second := start(t, data)
	if status, again := second.get(t, "/orders/1"); status != http.StatusOK || again != body {
		t.Errorf("after a restart: %d %s, before: %s", status, again, body)
	}
	if _, product := second.get(t, "/products/1"); !strings.Contains(product, `"stock":999998`) {
		t.Errorf("stock was not taken, or taken twice: %s", product)
	}
}

func TestRequestInFlightSurvivesTerm(t *testing.T) {
	p := start(t, t.TempDir(), "--slow=400ms")
	answered := make(chan int, 1)
	go func() {
		response, err := http.Get(p.url + "/products")
		if err != nil {
			answered <- 0
			return
		}
		response.Body.Close()
		answered <- response.StatusCode
	}()
	time.Sleep(150 * time.Millisecond)
	p.stop()
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the request in flight got status %d", status)
	}
	if err := <-p.done; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(p.url + "/products"); err == nil {
		t.Error("still takes connections after it ended")
	}
}

func TestBadReleases(t *testing.T) {
	t.Run("fails", func(t *testing.T) {
		p := start(t, t.TempDir(), "--fail-rate=1")
		if status, _ := p.get(t, "/products"); status != http.StatusInternalServerError {
			t.Errorf("products: %d", status)
		}
		if status, _ := p.get(t, "/readyz"); status != http.StatusOK {
			t.Errorf("readyz: %d, but only customers should see the failure", status)
		}
	})
	t.Run("slow", func(t *testing.T) {
		p := start(t, t.TempDir(), "--slow=200ms")
		began := time.Now()
		if status, _ := p.get(t, "/products"); status != http.StatusOK || time.Since(began) < 200*time.Millisecond {
			t.Errorf("products: %d after %s", status, time.Since(began))
		}
	})
	t.Run("never ready", func(t *testing.T) {
		p := start(t, t.TempDir(), "--never-ready")
		if status, _ := p.get(t, "/readyz"); status != http.StatusServiceUnavailable {
			t.Errorf("readyz: %d", status)
		}
		if status, _ := p.get(t, "/healthz"); status != http.StatusOK {
			t.Errorf("healthz: %d", status)
		}
	})
	t.Run("leaks", func(t *testing.T) {
		p := start(t, t.TempDir(), "--leak=64")
		deadline := time.Now().Add(10 * time.Second)
		for heap(t, p) < 64<<20 {
			if time.Now().After(deadline) {
				t.Fatalf("heap is only %.0f bytes", heap(t, p))
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	t.Run("crashes", func(t *testing.T) {
		err := run(t.Context(), []string{"--crash-at-start"}, func(name string) string {
			return map[string]string{"FAIRLEAD_DATA": t.TempDir()}[name]
		}, io.Discard)
		if err == nil {
			t.Error("it started")
		}
	})
}

// heap reads the process's heap in bytes from its metrics.
func heap(t *testing.T, p *process) float64 {
	t.Helper()
	_, body := p.get(t, "/metrics")
	for line := range strings.Lines(body) {
		var bytes float64
		if n, _ := fmt.Sscanf(line, "go_memstats_heap_alloc_bytes %g", &bytes); n == 1 {
			return bytes
		}
	}
	t.Fatal("no heap size among the metrics")
	return 0
}
