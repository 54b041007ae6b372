package dast

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"fairlead.dev"
)

// Listener is a canary that listens on an address of this machine.
type Listener struct {
	server *http.Server
	base   string
	mu     sync.Mutex
	called map[string]bool
}

// Listen starts a canary, on "127.0.0.1:0" say; Close ends it. An address that
// cannot be listened on is KindUnavailable.
func Listen(ctx context.Context, address string) (*Listener, error) {
	var config net.ListenConfig
	conn, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, &fairlead.Problem{Op: "listen for the service's calls", Kind: fairlead.KindUnavailable, Err: err, Hint: "canary names an address of this machine that the service can reach"}
	}
	l := &Listener{base: "http://" + conn.Addr().String() + "/", called: map[string]bool{}}
	l.server = &http.Server{Handler: l, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() { _ = l.server.Serve(conn) }() // ends with Close
	return l, nil
}

// URL is the address for a token.
func (l *Listener) URL(token string) string { return l.base + token }

// Called tells whether the address for a token was asked for.
func (l *Listener) Called(token string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.called[token]
}

// ServeHTTP remembers who was asked for. What has no token's length is noise.
func (l *Listener) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.URL.Path, "/")
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(token) <= 32 && len(l.called) < 1<<16 {
		l.called[token] = true
	}
}

// Close stops listening.
func (l *Listener) Close() error { return l.server.Close() }
