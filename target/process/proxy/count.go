package proxy

import (
	"math/rand/v2"
	"sort"
	"sync/atomic"
	"time"

	"fairlead.dev"
)

// bounds are the upper bounds of the latency histogram in seconds, about half
// as much again each time. The last one stands for any.
var bounds = [...]float64{
	0.0005, 0.00075, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075,
	0.01, 0.015, 0.02, 0.03, 0.05, 0.075,
	0.1, 0.15, 0.2, 0.3, 0.5, 0.75,
	1, 1.5, 2, 3, 5, 7.5,
	10, 15, 20, 30, 60,
}

// Sample gives what a release answered since it first came into the table, or
// since it was forgotten; the zero Sample for a release never seen.
//
// Every request routed to the release counts once, when it ends, with the time
// from its arrival to the last byte of the answer; Latency.Count's last entry
// equals Requests. An event stream or an upgraded connection (websocket)
// counts when its header arrives, with the time until then. Errors are answers
// of 500 and above and requests that the release did not answer in full: no
// connection, no ready replica, no header in time, a connection that broke.
// A request that another release answered in its place counts with both: as
// an error here and as an answer there. A client that went away or sent a
// broken body counts as a request and is nobody's error.
func (p *Proxy) Sample(release fairlead.Digest) fairlead.Sample {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.judged[release].sample()
}

// Samples gives the Sample of every release that is not forgotten.
func (p *Proxy) Samples() map[fairlead.Digest]fairlead.Sample {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make(map[fairlead.Digest]fairlead.Sample, len(p.judged))
	for release, c := range p.judged {
		all[release] = c.sample()
	}
	return all
}

// PreviewSample gives what a release answered through [Proxy.Arm].
func (p *Proxy) PreviewSample(release fairlead.Digest) fairlead.Sample {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.preview[release].sample()
}

// Forget drops the counters of a release that has left the table. A release in
// the table is not forgotten.
func (p *Proxy) Forget(release fairlead.Digest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.table.Load().arm(release) == nil {
		delete(p.judged, release)
		delete(p.preview, release)
	}
}

// counters count without locks. They are split into shards, each on cache
// lines of its own, so that processors do not wait for each other.
type counters struct{ shards [8]shard }

type shard struct {
	latency [len(bounds)]atomic.Uint64
	errors  atomic.Uint64
	_       [64]byte
}

func newCounters() *counters { return &counters{} }

// add counts one request.
func (c *counters) add(took time.Duration, failed bool) {
	s := &c.shards[rand.Uint32()%uint32(len(c.shards))]
	s.latency[boundOf(took)].Add(1)
	if failed {
		s.errors.Add(1)
	}
}

// sample sums up. Errors are read first, so they never exceed requests.
func (c *counters) sample() fairlead.Sample {
	var s fairlead.Sample
	if c == nil {
		return s
	}
	for i := range c.shards {
		s.Errors += c.shards[i].errors.Load()
	}
	count := make([]uint64, len(bounds))
	for i := range count {
		for j := range c.shards {
			s.Requests += c.shards[j].latency[i].Load()
		}
		count[i] = s.Requests
	}
	s.Latency = fairlead.Histogram{LE: append([]float64(nil), bounds[:]...), Count: count}
	return s
}

// boundOf gives the index of the bound that took falls under.
func boundOf(took time.Duration) int {
	i := sort.SearchFloat64s(bounds[:], took.Seconds())
	return min(i, len(bounds)-1)
}
