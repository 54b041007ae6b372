package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// plane serves HTTP at the addresses of Gateways, by the newest table.
type plane struct {
	table     atomic.Pointer[table]
	transport *http.Transport

	mu      sync.Mutex
	servers map[netip.AddrPort]*http.Server
}

func newPlane() *plane {
	p := &plane{servers: map[netip.AddrPort]*http.Server{}}
	p.transport = &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     10 * time.Second,
	}
	p.table.Store(&table{})
	return p
}

// set puts a table into effect for all requests that come from now on.
func (p *plane) set(t table) { p.table.Store(&t) }

// listen serves at an address, unless it does already.
func (p *plane) listen(at netip.AddrPort) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.servers[at] != nil {
		return nil
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", at.String())
	if err != nil {
		return fmt.Errorf("listen for a Gateway: %w", err)
	}
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(at, w, r) }),
		ReadHeaderTimeout: 10 * time.Second,
	}
	p.servers[at] = server
	go func() { _ = server.Serve(listener) }()
	return nil
}

func (p *plane) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, server := range p.servers {
		server.Close()
	}
	p.transport.CloseIdleConnections()
}

// serve answers one request as the Gateway API asks for: 404 without a rule,
// 500 for a backend that does not exist or weights that are all 0, 503 for one
// without a ready pod.
func (p *plane) serve(at netip.AddrPort, w http.ResponseWriter, r *http.Request) {
	rule := p.table.Load().find(at, r)
	if rule == nil {
		http.Error(w, "no route", http.StatusNotFound)
		return
	}
	backend, endpoint := rule.pick()
	switch {
	case backend == nil || backend.missing:
		http.Error(w, "no backend", http.StatusInternalServerError)
		return
	case !endpoint.IsValid():
		http.Error(w, "no ready pod", http.StatusServiceUnavailable)
		return
	}
	proxy := httputil.ReverseProxy{
		Transport: p.transport,
		Rewrite: func(out *httputil.ProxyRequest) {
			out.SetURL(&url.URL{Scheme: "http", Host: endpoint.String()})
			out.Out.Host = out.In.Host
			out.SetXForwarded()
			for _, filter := range rule.filters {
				modify(out.Out.Header, filter.RequestHeaderModifier)
			}
		},
		ModifyResponse: func(response *http.Response) error {
			for _, filter := range rule.filters {
				modify(response.Header, filter.ResponseHeaderModifier)
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	proxy.ServeHTTP(w, r)
}

func modify(header http.Header, filter *gatewayv1.HTTPHeaderFilter) {
	if filter == nil {
		return
	}
	for _, h := range filter.Set {
		header.Set(string(h.Name), h.Value)
	}
	for _, h := range filter.Add {
		header.Add(string(h.Name), h.Value)
	}
	for _, name := range filter.Remove {
		header.Del(name)
	}
}
