package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"runtime"
	"time"
)

// faults make a release bad on purpose, so that one can watch it being caught.
// The zero value is a good release.
type faults struct {
	failRate     float64       // share of requests that fail, 0 to 1
	slow         time.Duration // delay of every request
	crashAtStart bool
	neverReady   bool
	leakRate     int // MiB a second
}

func (f faults) check() error {
	switch {
	case f.failRate < 0 || f.failRate > 1:
		return errors.New("fail-rate must be from 0 to 1")
	case f.slow < 0:
		return errors.New("slow must not be negative")
	case f.leakRate < 0:
		return errors.New("leak must not be negative")
	}
	return nil
}

// wrap puts the faults in front of what customers see. Probes and metrics stay
// honest.
func (f faults) wrap(next http.Handler) http.Handler {
	if f.failRate == 0 && f.slow == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(f.slow):
		case <-r.Context().Done():
			return
		}
		if rand.Float64() < f.failRate { // #nosec G404 -- which request fails is no secret
			writeError(w, http.StatusInternalServerError, "told to fail")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// leak loses memory until ctx ends. Every page is written to, so that it is
// really taken from the machine.
func (f faults) leak(ctx context.Context) {
	if f.leakRate == 0 {
		return
	}
	go func() {
		var lost [][]byte
		defer func() { runtime.KeepAlive(lost) }() // nothing reads it: that is what makes it a leak
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				lost = append(lost, touched(f.leakRate<<20))
			}
		}
	}()
}

// touched gives size bytes of memory with something on every page.
func touched(size int) []byte {
	const page = 4096
	block := make([]byte, size)
	for i := 0; i < len(block); i += page {
		block[i] = 1
	}
	return block
}
