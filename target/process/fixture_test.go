package process

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fairlead.dev"
	"fairlead.dev/target"
)

// The test binary is also the service that the tests release and, for tests
// that kill it, the agent.
func TestMain(m *testing.M) {
	Guard()
	if len(os.Args) > 1 && os.Args[1] == "service" {
		os.Exit(service(os.Args[2:]))
	}
	if len(os.Args) == 3 && os.Args[1] == "agent" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		err := Serve(ctx, AgentOptions{Dir: os.Args[2], Verify: checkPapers, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// service is a small web service that misbehaves as its words say.
func service(words []string) int {
	is := func(w string) bool {
		for _, v := range words {
			if v == w {
				return true
			}
		}
		return false
	}
	if is("crash") {
		fmt.Println("starting up")
		fmt.Fprintln(os.Stderr, "cannot find my teapot")
		return 3
	}
	if is("deaf") {
		signal.Ignore(syscall.SIGTERM)
	}
	if is("parent") {
		child := exec.Command("sleep", "3600")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // leaves the group
		if err := child.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	var unready atomic.Bool
	unready.Store(is("never-ready"))
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, words[0]) })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if unready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/unready", func(http.ResponseWriter, *http.Request) { unready.Store(true) })
	mux.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) { unready.Store(false) })
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		d, _ := time.ParseDuration(r.URL.Query().Get("for"))
		time.Sleep(d)
		fmt.Fprint(w, words[0])
	})
	mux.HandleFunc("/exit", func(http.ResponseWriter, *http.Request) { os.Exit(7) })
	mux.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Join(os.Environ(), "\n")) })
	mux.HandleFunc("/try", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, try(r.URL.Query())) })
	mux.HandleFunc("/dir", func(w http.ResponseWriter, _ *http.Request) {
		d, _ := os.Getwd()
		fmt.Fprint(w, d)
	})
	port := os.Getenv("PORT")
	if port == "" {
		port = os.Getenv("HTTP_PORT")
	}
	server := &http.Server{Addr: "127.0.0.1:" + port, Handler: mux}
	if is("slow-start") {
		time.Sleep(500 * time.Millisecond)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		if !is("deaf") {
			_ = server.Shutdown(context.Background())
		}
	}()
	fmt.Println("serving as", words[0])
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	<-ended
	if is("slow-end") {
		time.Sleep(500 * time.Millisecond)
		_ = os.WriteFile("ended", nil, 0o600)
	}
	return 0
}

var shop = target.Place{Environment: "staging", Service: "shop"}

func (p paper) text() []byte { return []byte(fmt.Sprintf("%s may run in %s", p.Release, p.Place)) }

// goods is a bundle and the content of its artifacts.
type goods struct {
	target.Bundle
	content map[fairlead.Digest][]byte
	word    string // what it answers
}

// id is the release's name.
func (g goods) id() fairlead.Digest { return g.Release.ID }

func (g goods) open(_ context.Context, d fairlead.Digest) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(string(g.content[d]))), nil
}

func (g *goods) sign(at target.Place) {
	p := paper{Release: g.Release.ID, Place: at}
	p.Signature = ed25519.Sign(signer(), p.text())
	g.Decision.Envelope, _ = json.Marshal(p)
}

// with gives a release that has a config of its own, signed with it.
func (g goods) with(config string) goods {
	g.Release.Config = json.RawMessage(config)
	g.Release = g.Release.Identify()
	g.sign(shop)
	return g
}

// fast is a config with short times.
const fast = `{"listen":"127.0.0.1:0","ready":{"http":"/readyz","interval":"50ms"},"drain":"5s","grace":"3s"}`

// lab is an agent in this process and a client of it.
type lab struct {
	*Client
	t   testing.TB
	dir string
}

// startLab starts an agent and stops it with the test.
func startLab(t testing.TB) *lab {
	t.Helper()
	l := &lab{t: t, dir: t.TempDir()}
	stop := l.serve(AgentOptions{})
	t.Cleanup(stop)
	return l
}

// serve runs an agent in the lab's directory until the function given is called.
func (l *lab) serve(o AgentOptions) (stop func()) {
	l.t.Helper()
	o.Dir, o.Verify = l.dir, checkPapers
	if testing.Verbose() {
		o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, o) }()
	l.Client = Dial(l.dir)
	c := l.Client
	l.eventually(5*time.Second, "the agent answers", func() bool {
		_, err := c.Health(ctx)
		return err == nil
	})
	return func() {
		cancel()
		if err := <-ended; err != nil {
			l.t.Error(err)
		}
		c.Close()
	}
}

func (l *lab) eventually(limit time.Duration, what string, holds func() bool) {
	l.t.Helper()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if holds() {
			return
		}
	}
	l.t.Fatalf("not within %s: %s", limit, what)
}

func (l *lab) deliver(all ...goods) {
	l.t.Helper()
	for _, g := range all {
		if err := l.Deliver(context.Background(), shop, g.Bundle, g.open); err != nil {
			l.t.Fatal(err)
		}
	}
}

func (l *lab) apply(d target.Desired) {
	l.t.Helper()
	if err := l.Apply(context.Background(), shop, d); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) observe() target.Observed {
	l.t.Helper()
	o, err := l.Observe(context.Background(), shop)
	if err != nil {
		l.t.Fatal(err)
	}
	return o
}

func (l *lab) instance(g goods) target.Instance {
	l.t.Helper()
	i, _ := l.observe().Find(g.id())
	return i
}

func (l *lab) untilReady(g goods, n int) target.Instance {
	l.t.Helper()
	var i target.Instance
	l.eventually(20*time.Second, fmt.Sprintf("%d ready replicas", n), func() bool {
		i = l.instance(g)
		return i.Ready == n && i.Running == n
	})
	return i
}

// roll brings a release up alone with all the traffic.
func (l *lab) roll(fence int64, g goods, replicas int) {
	l.t.Helper()
	l.deliver(g)
	l.apply(want(fence, run(g, replicas, 0)))
	l.untilReady(g, replicas)
	l.apply(want(fence, run(g, replicas, 100)))
}

// get asks once, on a new connection.
func get(url string) (int, string, error) {
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}
	res, err := c.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func mustGet(t testing.TB, url string) string {
	t.Helper()
	status, body, err := get(url)
	if err != nil || status != http.StatusOK {
		t.Fatalf("GET %s: %d %s %v", url, status, body, err)
	}
	return body
}

// refused fails the test unless err is of the kind and its text has all words.
func refused(t testing.TB, err error, kind fairlead.Kind, words ...string) {
	t.Helper()
	if fairlead.KindOf(err) != kind {
		t.Fatalf("got %v (%s), want kind %s", err, fairlead.KindOf(err), kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %q, want it to say %q", err, w)
		}
	}
}

// alive gives the processes that have an agent's mark.
func alive(t testing.TB, dir string) []string {
	t.Helper()
	id, err := identity(filepath.Join(dir, "id"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, e := range environs {
		if b, err := os.ReadFile(e); err == nil && strings.Contains(string(b), reserved+"KEEPER="+id) {
			found = append(found, e)
		}
	}
	return found
}

func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
