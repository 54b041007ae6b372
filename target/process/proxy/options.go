package proxy

import (
	"log/slog"
	"net/http"
	"time"
)

// Options tune a Proxy. The zero value is ready for replicas on this host.
type Options struct {
	Logger         *slog.Logger  // ejections and broken exchanges; nil discards
	DialTimeout    time.Duration // for one connection attempt; 0 means 1s
	HeaderTimeout  time.Duration // from the request sent to the answer's header; 0 means 60s, negative no limit
	IdleTimeout    time.Duration // for a kept connection to a backend; 0 means 1.5s
	EjectAfter     int           // connection failures in a row before a backend is passed over; 0 means 3
	EjectFor       time.Duration // length of a backend's first ejection, doubling up to 32 times; 0 means 1s
	TrustForwarded bool          // believe X-Forwarded-* of the peer: only behind another proxy of one's own
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&o.DialTimeout, time.Second)
	setDefault(&o.HeaderTimeout, time.Minute)
	setDefault(&o.IdleTimeout, 1500*time.Millisecond)
	setDefault(&o.EjectAfter, 3)
	setDefault(&o.EjectFor, time.Second)
	o.HeaderTimeout = max(o.HeaderTimeout, 0)
	return o
}

func setDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// newTransport gives the connections to one backend: many kept ones, plain
// HTTP/1.1, and bytes passed on as they are.
func newTransport(o Options, dial dialer) *http.Transport {
	return &http.Transport{
		DialContext:            dial,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    1024,
		IdleConnTimeout:        o.IdleTimeout,
		ResponseHeaderTimeout:  o.HeaderTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
	}
}
