// Command tiny is a service small enough to be released in a second. It says
// what the file version beside it says. TINY_FAIL, the percentage of its
// answers that are errors, and its flags make a release bad.
package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	// As long as the file that TINY_GATE names is missing, it does not serve.
	for gate := os.Getenv("TINY_GATE"); gate != ""; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(gate); err == nil {
			break
		}
	}
	s := service{version: []byte("tiny\n")}
	if self, err := os.Executable(); err == nil {
		if said, err := os.ReadFile(filepath.Join(filepath.Dir(self), "version")); err == nil {
			s.version = said
		}
	}
	s.failing, _ = strconv.ParseInt(os.Getenv("TINY_FAIL"), 10, 64) // 0 when it is not set
	flag.Float64Var(&s.fail, "fail", 0, "share of requests that are answered with 500")
	flag.Float64Var(&s.slow, "slow", 0, "share of requests that take 300 ms longer")
	flag.Float64Var(&s.lose, "lose", 0, "share of orders that are lost, although the answer is fine")
	flag.Parse()
	server := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), ReadHeaderTimeout: time.Second, Handler: &s}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// service counts every request but those of Prometheus as an order. From the
// first one for /break on it answers with errors.
type service struct {
	version             []byte
	failing             int64
	fail, slow, lose    float64
	asked, orders, lost atomic.Int64
	broken              atomic.Bool
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/metrics":
		fmt.Fprintf(w, "# TYPE orders_total counter\norders_total %d\n# TYPE orders_lost_total counter\norders_lost_total %d\n",
			s.orders.Load(), s.lost.Load())
		return
	case "/ready":
		_, _ = w.Write(s.version)
		return
	}
	if r.URL.Path == "/break" {
		s.broken.Store(true)
		return
	}
	if rand.Float64() < s.slow {
		time.Sleep(300 * time.Millisecond)
	}
	if name := os.Getenv("TINY_COOKIE"); name != "" { // without any of the flags that it should have
		w.Header().Add("Set-Cookie", name+"=1")
	}
	s.orders.Add(1)
	if rand.Float64() < s.lose {
		s.lost.Add(1)
	}
	if s.broken.Load() || s.asked.Add(37)%100 < s.failing || rand.Float64() < s.fail {
		w.WriteHeader(http.StatusInternalServerError)
	}
	_, _ = w.Write(s.version)
}
