package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

type loadKey struct{}

// loads are the attacks of one script, by URL.
type loads struct {
	mu      sync.Mutex
	running map[string]*load
}

// load is traffic at a rate on one URL until it is stopped. Where the machine
// cannot answer as fast, it slows down: what is held is that no request fails.
type load struct {
	attacker *vegeta.Attacker
	done     chan struct{}
	metrics  vegeta.Metrics
	failures map[string]int
}

// longest bounds every attack in time.
const longest = 3 * time.Minute

// cmdLoad drives traffic: load start URL RATE, load stop URL MAX, where MAX is
// the most failed requests that are all right.
func cmdLoad(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: load start URL RATE | load stop URL MAX-FAILURES")
	}
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	all := ts.Value(loadKey{}).(*loads)
	switch args[0] {
	case "start":
		all.start(args[1], n)
	case "stop":
		l := all.stop(args[1])
		if l == nil {
			ts.Fatalf("no load on %s", args[1])
		}
		failed := int(float64(l.metrics.Requests) * (1 - l.metrics.Success))
		ts.Logf("%d requests, %d failed %v, p99 %s", l.metrics.Requests, failed, l.failures, l.metrics.Latencies.P99)
		if l.metrics.Requests < 50 {
			ts.Fatalf("only %d requests: that proves nothing", l.metrics.Requests)
		}
		if total(l.failures) > n {
			ts.Fatalf("%d of %d requests failed, at most %d were to: %v", total(l.failures), l.metrics.Requests, n, l.failures)
		}
	default:
		ts.Fatalf("load %s?", args[0])
	}
}

func total(failures map[string]int) int {
	n := 0
	for _, c := range failures {
		n += c
	}
	return n
}

func (a *loads) start(url string, rate int) {
	l := &load{
		attacker: vegeta.NewAttacker(vegeta.KeepAlive(true), vegeta.Timeout(10*time.Second), vegeta.Connections(100), vegeta.MaxWorkers(50)),
		done:     make(chan struct{}), failures: map[string]int{},
	}
	a.mu.Lock()
	if a.running == nil {
		a.running = map[string]*load{}
	}
	a.running[url] = l
	a.mu.Unlock()
	// Every request is another visitor, so that the split is by request.
	i := 0
	targeter := func(t *vegeta.Target) error {
		i++
		t.Method, t.URL = http.MethodGet, url
		t.Header = http.Header{"Cookie": {fmt.Sprintf("fairlead=visitor-%d", i)}}
		return nil
	}
	results := l.attacker.Attack(targeter, vegeta.ConstantPacer{Freq: rate, Per: time.Second}, longest, "load")
	go func() {
		defer close(l.done)
		for r := range results {
			l.metrics.Add(r)
			if r.Code < 200 || r.Code >= 400 {
				l.failures[strings.TrimSpace(fmt.Sprintf("%d %s", r.Code, r.Error))]++
			}
		}
		l.metrics.Close()
	}()
}

func (a *loads) stop(url string) *load {
	a.mu.Lock()
	l := a.running[url]
	delete(a.running, url)
	a.mu.Unlock()
	if l != nil {
		l.attacker.Stop()
		<-l.done
	}
	return l
}

func (a *loads) stopAll() {
	a.mu.Lock()
	var urls []string
	for u := range a.running {
		urls = append(urls, u)
	}
	a.mu.Unlock()
	for _, u := range urls {
		a.stop(u)
	}
}
