package proxy

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestOneRetryOnConnectFailureWhateverTheMethod(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"} {
		t.Run(method, func(t *testing.T) {
			var served atomic.Int64
			alive := replica(t, "alive", func(w http.ResponseWriter, r *http.Request) {
				served.Add(1)
				b, _ := io.ReadAll(r.Body)
				w.Header().Set("X-Body", string(b))
			})
			down := dead(t, "dead")
			// The alive one looks busy, so that every request tries the dead one first.
			p, url := front(t, Options{EjectAfter: 1000}, only(stable, down, alive))
			tried := &p.backends[down].failures
			p.backends[alive].inFlight.Add(1)
			defer p.backends[alive].inFlight.Add(-1)
			body := ""
			if method == "PUT" || method == "POST" || method == "PATCH" {
				body = "payload"
			}
			c := client(t)
			for range 5 {
				if a := do(t, c, request(t, method, url, body)); a.status != 200 || a.header.Get("X-Body") != body {
					t.Fatalf("got %d with body %q", a.status, a.header.Get("X-Body"))
				}
			}
			if served.Load() != 5 || tried.Load() != 5 {
				t.Fatalf("%d served, %d connection failures", served.Load(), tried.Load())
			}
			wantSample(t, p, stable, 5, 0)
		})
	}
}

func TestOnlyOneRetry(t *testing.T) {
	p, url := front(t, Options{EjectAfter: 1000}, only(stable, dead(t, "d1"), dead(t, "d2"), dead(t, "d3")))
	if a := get(t, client(t), url); a.status != 503 {
		t.Fatalf("got %d", a.status)
	}
	tries := int32(0)
	for _, b := range p.backends {
		tries += b.failures.Load()
	}
	if tries != 2 {
		t.Fatalf("%d connections were tried", tries)
	}
	wantSample(t, p, stable, 1, 1)
}

func TestRetryAtAnotherReleaseCountsWithBoth(t *testing.T) {
	tab := split(100, []Backend{replica(t, "s", says("stable"))}, []Backend{dead(t, "d")}, Sticky{})
	tab.Arms[0].Weight, tab.Arms[1].Weight = 1, 99
	p, url := front(t, Options{EjectAfter: 1000}, tab)
	if a := get(t, client(t), url, "Cookie: fairlead=9000"); a.body != "stable" {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	wantSample(t, p, stable, 1, 0)
	wantSample(t, p, canary, 1, 1)
}

// A backend that takes the request and hangs up has perhaps done the work:
// the request must not be sent again, and the client must hear of it.
func TestWhatWasSentIsNotSentAgain(t *testing.T) {
	for _, sent := range []string{"POST order", "PUT order", "GET order", "POST ", "DELETE ", "GET "} {
		t.Run(sent, func(t *testing.T) {
			method, body, _ := strings.Cut(sent, " ")
			var ran atomic.Int64
			hangUp := func(_ http.ResponseWriter, r *http.Request) {
				ran.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				panic(http.ErrAbortHandler)
			}
			p, url := front(t, Options{}, only(stable, replica(t, "a", hangUp), replica(t, "b", hangUp)))
			a := do(t, client(t), request(t, method, url, body))
			if a.status != 502 || !strings.Contains(a.body, "broke off") {
				t.Fatalf("got %d %s", a.status, a.body)
			}
			if ran.Load() != 1 {
				t.Fatalf("the request ran %d times", ran.Load())
			}
			wantSample(t, p, stable, 1, 1)
		})
	}
}

// Servers close connections that were idle for some seconds; a POST that meets
// one just then is lost. So the proxy gives idle connections up before.
func TestIdleConnectionsAreGivenUp(t *testing.T) {
	var ran atomic.Int64
	b := replica(t, "a", func(http.ResponseWriter, *http.Request) { ran.Add(1) })
	p, url := front(t, Options{IdleTimeout: 20 * time.Millisecond}, only(stable, b))
	dials := counted(p, b)
	c := client(t)
	for range 3 {
		if a := do(t, c, request(t, http.MethodPost, url, "order")); a.status != 200 {
			t.Fatalf("got %d", a.status)
		}
		time.Sleep(60 * time.Millisecond)
	}
	if dials.Load() != 3 || ran.Load() != 3 {
		t.Fatalf("%d connections for %d requests: idle ones were kept", dials.Load(), ran.Load())
	}
}

// counted counts the connections made to a backend.
func counted(p *Proxy, b Backend) *atomic.Int64 {
	var n atomic.Int64
	tr := p.backends[b].transport
	dial := tr.DialContext
	tr.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		n.Add(1)
		return dial(ctx, network, addr)
	}
	return &n
}

func TestConnectionsAreKept(t *testing.T) {
	b := replica(t, "a", says("ok"))
	p, url := front(t, Options{}, only(stable, b))
	dials := counted(p, b)
	c := client(t)
	for i := range 20 {
		get(t, c, url)
		if i == 10 { // a backend that stays keeps its connections
			set(t, p, split(50, []Backend{b}, []Backend{replica(t, "c", says("canary"))}, Sticky{By: ByAddress}))
			set(t, p, only(stable, b))
		}
	}
	if dials.Load() != 1 {
		t.Fatalf("%d connections for 20 requests in a row", dials.Load())
	}
}

func TestEjectionAndReadmission(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	flaky := Backend{ID: "flaky", Addr: l.Addr().String()}
	l.Close()
	var log buffer
	o := Options{EjectAfter: 2, EjectFor: 100 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))}
	p, url := front(t, o, only(stable, flaky, replica(t, "good", says("good"))))
	c := client(t)
	b := p.backends[flaky]
	for range 40 {
		if a := get(t, c, url); a.body != "good" {
			t.Fatalf("got %d %s", a.status, a.body)
		}
	}
	if n := b.failures.Load(); n != 2 {
		t.Fatalf("tried %d times before it was ejected", n)
	}
	set(t, p, only(stable, flaky, replica(t, "good", says("good")))) // a new table keeps the ejection
	get(t, c, url)
	eventually(t, "a trial after the ejection", func() bool { get(t, c, url); return b.failures.Load() == 3 })
	for range 40 {
		get(t, c, url)
	}
	if n := b.failures.Load(); n != 3 {
		t.Fatalf("%d failures: more than one trial", n)
	}

	l, err = net.Listen("tcp", flaky.Addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: says("back"), ReadHeaderTimeout: time.Second}
	go func() { _ = s.Serve(l) }()
	defer s.Close()
	eventually(t, "readmission", func() bool { return get(t, c, url).body == "back" })
	if b.failures.Load() != 0 || b.ejectedUntil.Load() != 0 {
		t.Fatal("readmitted in part")
	}
	for _, want := range []string{"backend ejected", "duration=100ms", "duration=200ms", "backend readmitted"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, log.String())
		}
	}
}

func TestTheLastBackendIsNeverEjected(t *testing.T) {
	b := dead(t, "lone")
	p, url := front(t, Options{EjectAfter: 1, EjectFor: time.Hour}, only(stable, b))
	c := client(t)
	for i := range 5 {
		get(t, c, url)
		if n := p.backends[b].failures.Load(); n != int32(i+1) {
			t.Fatalf("after %d requests tried %d times", i+1, n)
		}
	}
	l, err := net.Listen("tcp", b.Addr)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: says("back"), ReadHeaderTimeout: time.Second}
	go func() { _ = s.Serve(l) }()
	defer s.Close()
	if a := get(t, c, url); a.body != "back" {
		t.Fatalf("got %d %s", a.status, a.body)
	}
}

func TestOneRequestAtATimeTriesAnEjectedBackend(t *testing.T) {
	o := Options{EjectAfter: 1, EjectFor: time.Minute}.withDefaults()
	b := newBackend(Backend{ID: "b", Addr: "127.0.0.1:1"}, o)
	b.failed()
	if ok, _ := b.usable(time.Now()); ok {
		t.Fatal("usable while it is ejected")
	}
	after := time.Now().Add(2 * time.Minute)
	if ok, trial := b.usable(after); !ok || !trial {
		t.Fatal("not tried after its ejection")
	}
	if ok, _ := b.usable(after); ok {
		t.Fatal("a second request while the first still tries")
	}
}

// A crowd of failures at once is one ejection, not many.
func TestABurstOfFailuresDoesNotLengthenTheEjection(t *testing.T) {
	b := newBackend(Backend{ID: "b", Addr: "127.0.0.1:1"}, Options{EjectAfter: 3, EjectFor: time.Minute}.withDefaults())
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(b.failed)
	}
	wg.Wait()
	if until := time.Until(time.Unix(0, b.ejectedUntil.Load())); until > 2*time.Minute || b.ejections.Load() > 3 {
		t.Fatalf("ejected %d times, for %s", b.ejections.Load(), until)
	}
}

func TestSlowHeaderIs504(t *testing.T) {
	proceed := make(chan bool)
	b := replica(t, "slow", func(http.ResponseWriter, *http.Request) { <-proceed })
	defer close(proceed)
	p, url := front(t, Options{HeaderTimeout: 30 * time.Millisecond}, only(stable, b))
	if a := get(t, client(t), url); a.status != 504 || !strings.Contains(a.body, "in time") {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	wantSample(t, p, stable, 1, 1)
}

func TestDialTimeoutCountsAsConnectFailure(t *testing.T) {
	// A listener that accepts nothing and whose queue is full lets connections hang.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d := newBackend(Backend{ID: "d", Addr: l.Addr().String()}, Options{DialTimeout: time.Nanosecond}.withDefaults())
	_, err = d.transport.RoundTrip(request(t, "GET", "http://localhost/", ""))
	if statusOf(err) != http.StatusServiceUnavailable {
		t.Fatalf("%v is status %d", err, statusOf(err))
	}
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
