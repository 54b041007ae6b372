// Command shop is a small web shop: products, orders, a SQLite file. It is a
// whole service in the way Fairlead expects one: the port comes from the
// environment, readiness and liveness are two questions, and TERM means finish
// what you are doing and go.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// drainTime is how long requests in flight may take to end after TERM.
const drainTime = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

// run is the whole program: it serves until ctx ends and then finishes the
// requests in flight. env looks up an environment variable.
func run(ctx context.Context, args []string, env func(string) string, log io.Writer) error {
	cfg, err := parseConfig(args, env, log)
	if err != nil {
		return err
	}
	if cfg.faults.crashAtStart {
		return errors.New("told to crash at start")
	}
	store, err := openStore(ctx, cfg.data)
	if err != nil {
		return err
	}
	defer store.close()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	logger := slog.New(slog.NewJSONHandler(log, nil))
	cfg.faults.leak(ctx)
	logger.Info("serving", "address", listener.Addr().String())
	return serve(ctx, listener, newAPI(store, cfg.faults, logger))
}

// serve answers on listener until ctx ends. Then it stops being ready, takes no
// new connections, and waits for the requests it has.
func serve(ctx context.Context, listener net.Listener, api *api) error {
	server := &http.Server{Handler: api.handler(), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	api.stopping.Store(true)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	if err := server.Shutdown(drain); err != nil {
		return fmt.Errorf("requests still in flight after %s: %w", drainTime, err)
	}
	return nil
}
