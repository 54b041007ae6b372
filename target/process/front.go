package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// front is a listener that stays while what is behind it changes.
type front struct {
	addr   string // "127.0.0.1:8080", with the port in use
	server *http.Server
	done   chan struct{}
}

// openFront listens on addr and serves h. An address in use is KindConflict.
func openFront(addr string, h http.Handler, log *slog.Logger) (*front, error) {
	l, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, conflict("open listener", "stop what listens there, or set another address with the target's key listen",
			fmt.Errorf("address %s is already in use", addr))
	case err != nil:
		return nil, unavailable("open listener", "check the target's key listen", err)
	}
	f := &front{addr: l.Addr().String(), done: make(chan struct{}), server: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
	go func() {
		defer close(f.done)
		_ = f.server.Serve(l)
	}()
	return f, nil
}

// url is where a client on this host reaches it.
func (f *front) url() string {
	if f == nil {
		return ""
	}
	host, port, err := net.SplitHostPort(f.addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return "http://" + net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + f.addr
}

// close stops listening, lets requests in flight end until ctx does, and then
// cuts them.
func (f *front) close(ctx context.Context) {
	if f == nil {
		return
	}
	if f.server.Shutdown(ctx) != nil {
		_ = f.server.Close()
	}
	<-f.done
}
