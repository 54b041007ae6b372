package prometheus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"fairlead.dev"
)

// largest bounds an answer: a server that sends more than this is not believed.
const largest = 16 << 20 // bytes

// errTooLong says that an answer is larger than that.
var errTooLong = fmt.Errorf("the answer is longer than %d MiB", largest>>20)

// dial makes the client of a server.
func dial(server fairlead.MetricsServer, lookup func(string) string) (v1.API, error) {
	u, err := url.Parse(server.URL)
	if err == nil && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		err = fmt.Errorf("%q is not an http or https URL", server.URL)
	}
	if err != nil {
		return nil, &fairlead.Problem{Op: "open metrics server", Kind: fairlead.KindInvalid, Err: err, Hint: "give its base URL, such as http://127.0.0.1:9090"}
	}
	t := &transport{inner: http.DefaultTransport.(*http.Transport).Clone()}
	t.inner.ResponseHeaderTimeout = server.Timeout.D()
	t.inner.IdleConnTimeout = 30 * time.Second
	if server.CA != "" {
		if t.inner.TLSClientConfig, err = trust(server.CA); err != nil {
			return nil, err
		}
	}
	if name := server.Authorization; name != "" {
		if t.authorization = lookup(name); t.authorization == "" {
			return nil, &fairlead.Problem{
				Op: "open metrics server", Kind: fairlead.KindUnavailable, Err: fmt.Errorf("environment variable %s is not set", name),
				Hint: "set it to the header's whole value, such as \"Bearer ...\", for every process that executes runs",
			}
		}
	}
	// A redirect would take the header to where nobody said it may go.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c, err := api.NewClient(api.Config{Address: server.URL, Client: &http.Client{Transport: t, CheckRedirect: stay}})
	if err != nil {
		return nil, &fairlead.Problem{Op: "open metrics server", Kind: fairlead.KindInvalid, Err: err}
	}
	return v1.NewAPI(c), nil
}

// trust reads the authorities that may vouch for a server.
func trust(path string) (*tls.Config, error) {
	pem, err := os.ReadFile(path) //nolint:gosec // the file that the configuration names
	pool := x509.NewCertPool()
	if err == nil && !pool.AppendCertsFromPEM(pem) {
		err = errors.New(path + " holds no certificate in PEM form")
	}
	if err != nil {
		return nil, &fairlead.Problem{Op: "read the metrics server's authorities", Kind: fairlead.KindUnavailable, Err: err}
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// transport adds the header and bounds the answer.
type transport struct {
	inner         *http.Transport
	authorization string
}

// RoundTrip sends one request.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.authorization != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", t.authorization)
	}
	resp, err := t.inner.RoundTrip(r)
	if err == nil {
		resp.Body = &bounded{inner: resp.Body, left: largest}
	}
	return resp, err
}

// bounded reads at most left bytes.
type bounded struct {
	inner io.ReadCloser
	left  int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.inner.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func (b *bounded) Close() error { return b.inner.Close() }
