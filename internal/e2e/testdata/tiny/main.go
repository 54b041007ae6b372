// Command tiny is a service small enough to be released in a second. It says
// what the file version beside it says, and TINY_FAIL is the percentage of its
// answers that are errors.
package main

import (
	"context"
	"fmt"
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
	version := []byte("tiny\n")
	if self, err := os.Executable(); err == nil {
		if said, err := os.ReadFile(filepath.Join(filepath.Dir(self), "version")); err == nil {
			version = said
		}
	}
	failing, _ := strconv.ParseInt(os.Getenv("TINY_FAIL"), 10, 64) // 0 when it is not set
	var asked atomic.Int64
	server := &http.Server{
		Addr: "127.0.0.1:" + os.Getenv("PORT"), ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/ready" && asked.Add(37)%100 < failing {
				w.WriteHeader(http.StatusInternalServerError)
			}
			_, _ = w.Write(version)
		}),
	}
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
