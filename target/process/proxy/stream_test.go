package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestEventStreamIsFlushedAndCountedAtItsHeader(t *testing.T) {
	proceed := make(chan bool)
	b := replica(t, "sse", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		for n := 0; ; n++ {
			fmt.Fprintf(w, "data: %d\n\n", n)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-proceed:
			case <-r.Context().Done():
				return
			}
		}
	})
	p, url := front(t, Options{}, only(stable, b))
	res, err := client(t).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(res.Body)
	for n := range 3 { // each arrives before the backend may send the next
		if !lines.Scan() || lines.Text() != fmt.Sprintf("data: %d", n) {
			t.Fatalf("got %q, %v", lines.Text(), lines.Err())
		}
		lines.Scan()
		proceed <- true
	}
	wantSample(t, p, stable, 1, 0)
	res.Body.Close()
	eventually(t, "the stream ended at the backend", func() bool { return p.InFlight("sse") == 0 })
	wantSample(t, p, stable, 1, 0)
}

func TestTrailersPass(t *testing.T) {
	b := replica(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprint(w, "body")
		w.Header().Set("X-Sum", "42")
		w.Header().Set(http.TrailerPrefix+"X-Late", "7")
	})
	_, url := front(t, Options{}, only(stable, b))
	res, err := client(t).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	if res.Trailer.Get("X-Sum") != "42" || res.Trailer.Get("X-Late") != "7" {
		t.Fatalf("trailers %v", res.Trailer)
	}
}

func TestEarlyHintsPass(t *testing.T) {
	b := replica(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</app.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusNoContent)
	})
	p, url := front(t, Options{}, only(stable, b))
	if a := get(t, client(t), url); a.status != http.StatusNoContent {
		t.Fatalf("got %d", a.status)
	}
	wantSample(t, p, stable, 1, 0)
}

func TestBackendThatBreaksOffMidAnswerIsAnError(t *testing.T) {
	for _, length := range []string{"1000", ""} {
		b := replica(t, "a", func(w http.ResponseWriter, _ *http.Request) {
			if length != "" {
				w.Header().Set("Content-Length", length)
			}
			fmt.Fprint(w, "the first half")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		p, url := front(t, Options{}, only(stable, b))
		res, err := client(t).Get(url)
		if err == nil { // else nothing was passed on yet
			_, err = io.ReadAll(res.Body)
			res.Body.Close()
		}
		if err == nil {
			t.Error("the client takes half an answer for a whole one")
		}
		wantSample(t, p, stable, 1, 1)
		eventually(t, "let go", func() bool { return p.InFlight("a") == 0 })
	}
}

func TestClientThatGoesAwayIsNobodysError(t *testing.T) {
	began := make(chan bool, 1)
	wait := func(_ http.ResponseWriter, r *http.Request) {
		began <- true
		<-r.Context().Done()
	}
	half := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "half")
		_ = http.NewResponseController(w).Flush()
		wait(w, r)
	}
	for name, h := range map[string]http.HandlerFunc{"before the header": wait, "mid answer": half} {
		t.Run(name, func(t *testing.T) {
			p, url := front(t, Options{}, only(stable, replica(t, "a", h)))
			ctx, cancel := context.WithCancel(context.Background())
			gone := make(chan bool)
			go func() {
				defer close(gone)
				res, err := client(t).Do(request(t, "GET", url, "").WithContext(ctx))
				if err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			}()
			<-began
			time.Sleep(5 * time.Millisecond)
			cancel()
			<-gone
			wantSample(t, p, stable, 1, 0)
			eventually(t, "let go", func() bool { return p.InFlight("a") == 0 })
		})
	}
}

// endless gives bytes until it is told to fail.
type endless struct{ fail <-chan bool }

func (e endless) Read(b []byte) (int, error) {
	select {
	case <-e.fail:
		return 0, fmt.Errorf("the disk is gone")
	case <-time.After(time.Millisecond):
		return copy(b, "data"), nil
	}
}

func TestUploadThatBreaksOffIsNobodysError(t *testing.T) {
	began := make(chan bool, 1)
	b := replica(t, "a", func(_ http.ResponseWriter, r *http.Request) {
		began <- true
		_, _ = io.Copy(io.Discard, r.Body)
	})
	p, url := front(t, Options{}, only(stable, b))
	fail := make(chan bool)
	go func() {
		<-began
		close(fail)
	}()
	req, err := http.NewRequest(http.MethodPost, url, endless{fail})
	if err != nil {
		t.Fatal(err)
	}
	if res, err := client(t).Do(req); err == nil {
		res.Body.Close()
		t.Fatal("half an upload was answered")
	}
	wantSample(t, p, stable, 1, 0)
}

func TestMalformedUploadIs400(t *testing.T) {
	b := replica(t, "a", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	p, url := front(t, Options{}, only(stable, b))
	got := raw(t, url, "POST / HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") {
		t.Fatalf("got %q", got)
	}
	wantSample(t, p, stable, 1, 0)
}

func TestEarlyAnswerToALargeUploadPasses(t *testing.T) {
	b := replica(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
	})
	p, url := front(t, Options{}, only(stable, b))
	got := raw(t, url, "POST / HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\nContent-Length: 100000000\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Fatalf("got %q", got)
	}
	wantSample(t, p, stable, 1, 0)
}
