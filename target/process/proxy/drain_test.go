package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fairlead.dev"
)

// drained starts a drain and gives where its end is told.
func drained(p *Proxy, id string) <-chan error {
	done := make(chan error, 1)
	go func() { done <- p.Drain(context.Background(), id) }()
	return done
}

// wantWaiting fails when a drain that should wait has ended.
func wantWaiting(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		t.Fatalf("drained (%v) with a request in flight", err)
	case <-time.After(50 * time.Millisecond):
	}
}

func wantDrained(t *testing.T, done <-chan error) {
	t.Helper()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("not drained")
	}
}

func TestDrainWaitsForASlowRequest(t *testing.T) {
	began, proceed := make(chan bool), make(chan bool)
	slow := replica(t, "slow", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "first ")
		_ = http.NewResponseController(w).Flush()
		began <- true
		<-proceed
		fmt.Fprint(w, "last")
	})
	p, url := front(t, Options{}, only(stable, slow))
	c := client(t)
	body := make(chan string, 1)
	go func() {
		res, err := c.Get(url)
		if err != nil {
			body <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		body <- string(b)
	}()
	<-began
	if p.InFlight("slow") != 1 {
		t.Fatalf("%d in flight", p.InFlight("slow"))
	}
	if err := p.Drain(context.Background(), "slow"); fairlead.KindOf(err) != fairlead.KindConflict {
		t.Fatalf("drain of a backend in the table: %v", err)
	}
	set(t, p, only(canary, replica(t, "next", says("next"))))
	if a := get(t, c, url); a.body != "next" {
		t.Fatalf("after the swap %q answered", a.body)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := p.Drain(ctx, "slow"); fairlead.KindOf(err) != fairlead.KindTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("drain beyond its limit: %v", err)
	}
	one, two := drained(p, "slow"), drained(p, "slow")
	wantWaiting(t, one)
	close(proceed)
	wantDrained(t, one)
	wantDrained(t, two)
	if got := <-body; got != "first last" {
		t.Fatalf("the slow request got %q", got)
	}
	wantSample(t, p, stable, 1, 0)
	wantDrained(t, drained(p, "never seen"))
	if len(p.backends) != 1 {
		t.Fatalf("%d backends are kept", len(p.backends))
	}
}

// echo upgrades and sends back what it gets, line by line.
func echo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "websocket" {
		http.Error(w, "upgrade: "+r.Header.Get("Upgrade"), http.StatusUpgradeRequired)
		return
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprint(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	rw.Flush()
	for {
		line, err := rw.ReadString('\n')
		if err != nil {
			return
		}
		fmt.Fprint(rw, line)
		rw.Flush()
	}
}

// upgrade opens a connection through the proxy and asks for a protocol.
func upgrade(t *testing.T, url, protocol string) (net.Conn, *bufio.Reader, *http.Response) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", protocol)
	br := bufio.NewReader(conn)
	res, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn, br, res
}

func TestWebsocketPassesAndDrainWaitsForIt(t *testing.T) {
	p, url := front(t, Options{}, only(stable, replica(t, "ws", echo)))
	conn, br, res := upgrade(t, url, "websocket")
	if res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("got %s", res.Status)
	}
	say := func(word string) {
		t.Helper()
		fmt.Fprintln(conn, word)
		if line, err := br.ReadString('\n'); err != nil || line != word+"\n" {
			t.Fatalf("echo of %s: %q, %v", word, line, err)
		}
	}
	say("one")
	wantSample(t, p, stable, 1, 0) // counted while it is open
	set(t, p, only(canary, replica(t, "next", says("next"))))
	done := drained(p, "ws")
	wantWaiting(t, done)
	if p.InFlight("ws") != 1 {
		t.Fatalf("%d in flight", p.InFlight("ws"))
	}
	say("two") // the swap did not cut it
	conn.Close()
	wantDrained(t, done)
	wantSample(t, p, stable, 1, 0)
	if l := p.Sample(stable).Latency; l.Count[len(l.Count)-1] != 1 {
		t.Fatal("the handshake is not in the histogram")
	}
}

func TestNoTunnelThatWouldHideRequests(t *testing.T) {
	_, url := front(t, Options{}, only(stable, replica(t, "a", mirror)))
	_, _, res := upgrade(t, url, "h2c")
	defer res.Body.Close()
	var s seen
	if err := json.NewDecoder(res.Body).Decode(&s); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Upgrade", "Connection", "Http2-Settings"} {
		if v, ok := s.Header[name]; ok {
			t.Errorf("the backend was asked for a tunnel: %s: %q", name, v)
		}
	}
}

// A request may read the table just before a swap and use it after the drain.
func TestRequestWithAnOldTableLooksAgain(t *testing.T) {
	p, url := front(t, Options{}, only(stable, replica(t, "old", says("old"))))
	old := p.table.Load()
	set(t, p, only(canary, replica(t, "new", says("new"))))
	wantDrained(t, drained(p, "old"))
	current := p.table.Swap(old)
	c := client(t)
	got := make(chan answered, 1)
	go func() { got <- get(t, c, url) }()
	select {
	case a := <-got:
		t.Fatalf("answered by %s, which is drained", a.body)
	case <-time.After(50 * time.Millisecond):
	}
	p.table.Store(current)
	if a := <-got; a.body != "new" {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	wantSample(t, p, canary, 1, 0)
}

// Replicas come and go as fast as they can, each stopped as soon as it is
// drained, while clients send without a pause. No request may fail.
func TestSwapsUnderLoadLoseNothing(t *testing.T) {
	p, url := front(t, Options{}, Table{})
	next := func(n int) (Backend, func()) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: says("ok"), ReadHeaderTimeout: time.Second}
		go func() { _ = s.Serve(l) }()
		return Backend{ID: fmt.Sprint("r", n), Addr: l.Addr().String()}, func() { s.Close() }
	}
	now, stop := next(0)
	set(t, p, only(stable, now))
	c := client(t)
	var sent atomic.Uint64
	var over atomic.Bool
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for !over.Load() {
				method := []string{http.MethodGet, http.MethodPost}[i%2]
				req := request(t, method, url, strings.Repeat("x", i%2*100))
				res, err := c.Do(req)
				if err != nil {
					t.Errorf("%s: %v", method, err)
					return
				}
				_, _ = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode != 200 {
					t.Errorf("%s: %s", method, res.Status)
					return
				}
				sent.Add(1)
			}
		})
	}
	const swaps = 150
	for n := 1; n <= swaps; n++ {
		b, stopNext := next(n)
		release := []fairlead.Digest{stable, canary}[n%2]
		set(t, p, only(release, b))
		wantDrained(t, drained(p, now.ID))
		stop() // cuts every connection that is left, like KILL
		now, stop = b, stopNext
	}
	over.Store(true)
	wg.Wait()
	stop()
	eventually(t, "every request counted", func() bool {
		return p.Sample(stable).Requests+p.Sample(canary).Requests == sent.Load()
	})
	if e := p.Sample(stable).Errors + p.Sample(canary).Errors; e != 0 || sent.Load() < swaps {
		t.Fatalf("%d errors in %d requests", e, sent.Load())
	}
	t.Logf("%d requests over %d swaps", sent.Load(), swaps)
}
