package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// measured is what one round of load saw.
type measured struct {
	perSecond float64
	cpu       time.Duration   // of client, proxy and backend together, for one request
	latency   []time.Duration // sorted
}

// quantile gives the latency that a share of the requests stayed under.
func (m measured) quantile(q float64) time.Duration {
	return m.latency[min(len(m.latency)-1, int(q*float64(len(m.latency))))]
}

// load sends n requests from some clients that each wait for their answer.
func load(b *testing.B, c *http.Client, url string, n, clients int) measured {
	b.Helper()
	var next atomic.Int64
	all := make([][]time.Duration, clients)
	var wg sync.WaitGroup
	began, cpu := time.Now(), cpuTime(b)
	for i := range clients {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				start := time.Now()
				res, err := c.Get(url)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode != http.StatusOK {
					b.Error(res.Status)
					return
				}
				all[i] = append(all[i], time.Since(start))
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	m := measured{perSecond: float64(n) / took.Seconds(), cpu: (cpuTime(b) - cpu) / time.Duration(n), latency: slices.Concat(all...)}
	slices.Sort(m.latency)
	return m
}

// cpuTime is the processor time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// bare is what the standard library gives alone, over the same connections.
func bare(to Backend) (*httputil.ReverseProxy, *http.Transport) {
	target := &url.URL{Scheme: "http", Host: to.Addr}
	p := httputil.NewSingleHostReverseProxy(target)
	p.BufferPool = &buffers{}
	state := newBackend(to, Options{}.withDefaults())
	p.Transport = state.transport
	return p, state.transport
}

// BenchmarkAgainstBare compares the proxy, splitting by cookie with its
// counters on, with a bare ReverseProxy over the same transport to the same
// backend. Rounds alternate and medians are compared, so that what else the
// machine does falls on both. ratio is the throughput in parts of the bare
// one's; cpu-ratio is the same by processor time instead of by the clock, and
// so the one to trust on a busy machine; added-µs is what the median request
// takes longer.
func BenchmarkAgainstBare(b *testing.B) {
	for _, size := range []int{512, 64 << 10} {
		for _, clients := range []int{1, 16} {
			b.Run(fmt.Sprintf("size=%d/clients=%d", size, clients), func(b *testing.B) { againstBare(b, size, clients) })
		}
	}
}

func againstBare(b *testing.B, size, clients int) {
	const rounds, perRound = 31, 600
	body := make([]byte, size)
	to := replica(b, "a", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) })
	other := Backend{ID: "b", Addr: to.Addr}
	_, ours := front(b, Options{}, split(5, []Backend{to}, []Backend{other}, Sticky{}))
	handler, transport := bare(to)
	s := httptest.NewServer(handler)
	defer s.Close()
	defer transport.CloseIdleConnections()
	tr := &http.Transport{MaxIdleConnsPerHost: clients}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	load(b, c, ours, perRound, clients)
	load(b, c, s.URL, perRound, clients)
	for b.Loop() {
		var mine, theirs []measured
		for range rounds {
			mine = append(mine, load(b, c, ours, perRound, clients))
			theirs = append(theirs, load(b, c, s.URL, perRound, clients))
		}
		report(b, mine, theirs)
	}
}

func report(b *testing.B, mine, theirs []measured) {
	median := func(ms []measured, of func(measured) float64) float64 {
		var v []float64
		for _, m := range ms {
			v = append(v, of(m))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	rate := func(m measured) float64 { return m.perSecond }
	micros := func(q float64) func(measured) float64 {
		return func(m measured) float64 { return float64(m.quantile(q).Nanoseconds()) / 1000 }
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(mine, rate), "req/s")
	b.ReportMetric(median(theirs, rate), "bare-req/s")
	b.ReportMetric(median(mine, rate)/median(theirs, rate), "ratio")
	cpu := func(m measured) float64 { return float64(m.cpu) }
	b.ReportMetric(median(theirs, cpu)/median(mine, cpu), "cpu-ratio")
	b.ReportMetric(median(mine, micros(0.5)), "p50-µs")
	b.ReportMetric(median(mine, micros(0.99)), "p99-µs")
	b.ReportMetric(median(theirs, micros(0.5)), "bare-p50-µs")
	b.ReportMetric(median(theirs, micros(0.99)), "bare-p99-µs")
	b.ReportMetric(median(mine, micros(0.5))-median(theirs, micros(0.5)), "added-µs")
}

// BenchmarkSet installs a table of two releases with ten replicas each.
func BenchmarkSet(b *testing.B) {
	p := New(Options{})
	var s, c []Backend
	for i := range 10 {
		s = append(s, Backend{fmt.Sprint("s", i), fmt.Sprint("127.0.0.1:", 1000+i)})
		c = append(c, Backend{fmt.Sprint("c", i), fmt.Sprint("127.0.0.1:", 2000+i)})
	}
	for i := 0; b.Loop(); i++ {
		set(b, p, split(i%101, s, c, Sticky{}))
	}
}

// BenchmarkCount counts from all processors at once.
func BenchmarkCount(b *testing.B) {
	c := newCounters()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.add(3*time.Millisecond, false)
		}
	})
}
