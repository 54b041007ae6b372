package dast

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"fairlead.dev"
)

// Client makes a client that reaches the hosts of the given addresses and no
// other, wherever an answer points. Each host is looked up once, now: what its
// name means later changes nothing. Addresses of the local link, where clouds
// keep their credentials, are refused. Certificates are not verified: the
// check of TLS tells what is wrong with them.
func Client(ctx context.Context, allowed ...*url.URL) (*http.Client, error) {
	addresses := map[string][]string{} // host:port as named -> as dialled
	for _, u := range allowed {
		named := net.JoinHostPort(strings.ToLower(u.Hostname()), portOf(u))
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
		if err != nil {
			return nil, &fairlead.Problem{Op: "scan service", Kind: fairlead.KindUnavailable, Err: err, Hint: "does the name of the host exist?"}
		}
		for _, ip := range ips {
			if ip = ip.Unmap(); ip.IsLinkLocalUnicast() || ip.IsMulticast() {
				return nil, &fairlead.Problem{Op: "scan service", Kind: fairlead.KindDenied, Err: fmt.Errorf("%s is at %s", u.Hostname(), ip), Hint: "addresses of the local link are not scanned"}
			}
			addresses[named] = append(addresses[named], netip.AddrPortFrom(ip, portNumber(portOf(u))).String())
		}
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			var all []error
			for _, a := range addresses[strings.ToLower(address)] {
				conn, err := dialer.DialContext(ctx, network, a)
				if err == nil {
					return conn, nil
				}
				all = append(all, err)
			}
			if len(all) == 0 {
				return nil, fmt.Errorf("%s is not a host of this scan", address)
			}
			return nil, errors.Join(all...)
		},
		TLSClientConfig:        &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // judged by the check of TLS
		MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 2, IdleConnTimeout: 10 * time.Second,
		TLSHandshakeTimeout: 5 * time.Second,
	}}, nil
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

func portNumber(s string) uint16 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0 // no connection is possible
	}
	return uint16(n)
}

// answer is what the service said, cut off at the bound.
type answer struct {
	url    *url.URL
	status int
	header http.Header
	body   string
}

// html tells whether a browser would take it for a page.
func (a *answer) html() bool {
	t := strings.ToLower(a.header.Get("Content-Type"))
	return strings.Contains(t, "html") || (t == "" && strings.Contains(strings.ToLower(a.body), "<html"))
}

func (s *scan) get(ctx context.Context, to string) (*answer, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, to, http.NoBody)
	if err != nil {
		return nil, err
	}
	return s.send(r)
}

// try is get for a question whose failure answers nothing: nil then. The
// error is a bound or the end.
func (s *scan) try(r *http.Request) (*answer, error) {
	a, err := s.send(r)
	if err == nil || errors.Is(err, errStopped) || r.Context().Err() != nil {
		return a, err
	}
	return nil, nil //nolint:nilnil // no answer is an answer here
}

// send sends one request within the bounds. A body that ends badly is an answer
// as far as it came.
func (s *scan) send(r *http.Request) (*answer, error) {
	if !strings.EqualFold(r.URL.Host, s.Base.Host) || r.URL.Scheme != s.Base.Scheme {
		return nil, fmt.Errorf("%s is not the service", r.URL.Host)
	}
	if s.sent >= s.Requests {
		s.report.Stopped = "requests"
		return nil, errStopped
	}
	if err := s.limiter.Wait(r.Context()); err != nil {
		s.report.Stopped = "time"
		return nil, errStopped
	}
	s.sent++
	ctx, done := context.WithTimeout(r.Context(), s.Wait)
	defer done()
	r = r.WithContext(ctx)
	r.Header.Set("User-Agent", "fairlead-scan")
	resp, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(resp.Body, s.Body))
	return &answer{url: r.URL, status: resp.StatusCode, header: resp.Header, body: string(body)}, nil
}

// mark gives a marker of letters and digits that no page holds by chance.
func (s *scan) mark() string {
	s.marks++
	h := sha256.Sum256(fmt.Appendf(nil, "%s/%d", s.Seed, s.marks))
	return "fl" + hex.EncodeToString(h[:5]) + "z"
}
