package proxy

import (
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"fairlead.dev"
)

// exchange is one request on its way: it chooses the backend, carries the
// request there, and counts what came of it.
type exchange struct {
	proxy *Proxy
	in    *http.Request
	only  fairlead.Digest // the release of a preview; "" for the split
	start time.Time

	forward httputil.ReverseProxy
	visitor visitor
	placed  bool     // visitor is known
	arm     *arm     // whose answer it is; nil until one is chosen
	backend *backend // acquired; nil while none is
	upload  *upload  // the request's body; nil when it has none
	answer  answer   // the answer's body
	status  int      // of the answer; 0 while there is none
	failed  bool     // the release did not answer
	counted bool
}

// serve handles one request; only is the release of a preview.
func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, only fairlead.Digest) {
	if r.Method == http.MethodConnect {
		refuse(w, http.StatusMethodNotAllowed, errForward)
		return
	}
	x := &exchange{proxy: p, in: r, only: only, start: time.Now()}
	defer x.finish() // also when the answer breaks off and net/http panics
	x.forward = httputil.ReverseProxy{
		Rewrite:      x.rewrite,
		Transport:    x,
		BufferPool:   p.shared.buffers,
		ErrorHandler: x.fail,
		ErrorLog:     p.shared.errorLog,
	}
	x.forward.ServeHTTP(w, r)
}

// RoundTrip sends the request to a backend and, when that cannot be reached,
// once more to another.
func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		x.upload = &upload{body: r.Body}
		r.Body = x.upload
	}
	if err := x.choose(nil); err != nil {
		return nil, err
	}
	res, err := x.attempt(r)
	if isUnreachable(err) && !x.upload.touched() && r.Context().Err() == nil {
		first := x.backend
		x.drop()
		if x.choose(first) != nil {
			return nil, err
		}
		res, err = x.attempt(r)
	}
	if err != nil {
		return nil, err
	}
	x.receive(res)
	return res, nil
}

// attempt sends the request to the backend chosen.
func (x *exchange) attempt(r *http.Request) (*http.Response, error) {
	res, err := x.backend.transport.RoundTrip(r)
	if isUnreachable(err) {
		x.backend.failed()
	} else if err == nil {
		x.backend.reached()
	}
	return res, err
}

// receive looks at an answer's header.
func (x *exchange) receive(res *http.Response) {
	x.status = res.StatusCode
	if x.visitor.tell {
		secure := x.in.TLS != nil || x.proxy.options.TrustForwarded && x.in.Header.Get("X-Forwarded-Proto") == "https"
		res.Header.Add("Set-Cookie", x.visitor.cookie(secure))
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		x.count() // it may stay for days
		return
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		x.count()
	}
	x.answer.body = res.Body
	res.Body = &x.answer
}

// choose acquires a backend other than except. It looks again when the backend
// was retired between the look at the table and the use.
func (x *exchange) choose(except *backend) error {
	for {
		t := x.proxy.table.Load()
		first, order, err := x.route(t)
		if err != nil {
			return err
		}
		arm, b := pick(order, except)
		if b == nil {
			x.divert(first)
			return errNotReady
		}
		if b.acquire() {
			x.divert(first)
			x.divert(arm)
			x.backend = b
			return nil
		}
	}
}

// route gives the arm that the request belongs to and where it may go.
func (x *exchange) route(t *table) (first *arm, order []*arm, err error) {
	if x.only != "" {
		if first = t.arm(x.only); first == nil {
			return nil, nil, errNoRelease
		}
		return first, first.order[:1], nil
	}
	if first = t.single; first == nil {
		first = t.at(x.place(t))
	}
	if first == nil {
		return nil, nil, errNothingRouted
	}
	return first, first.order, nil
}

// place gives the visitor's bucket; asked twice, it says the same.
func (x *exchange) place(t *table) int {
	if !x.placed && len(t.layout) > 0 {
		p := x.proxy
		x.visitor = visitorOf(x.in, t.sticky, p.options.TrustForwarded, p.shared.sequence)
		x.placed = true
	}
	return x.visitor.bucket
}

// pick gives the best backend: a ready one of the first arm that has one; when
// all are ejected, the first there is, because an ejected backend may be back
// and no answer is certain otherwise.
func pick(order []*arm, except *backend) (*arm, *backend) {
	now := time.Now()
	for _, a := range order {
		if b := a.ready(now, except); b != nil {
			return a, b
		}
	}
	for _, a := range order {
		if b := a.any(except); b != nil {
			return a, b
		}
	}
	return nil, nil
}

// divert makes the exchange an arm's. The arm it was until now has failed it.
func (x *exchange) divert(to *arm) {
	if x.arm != nil && x.arm.release != to.release { // the same release may be another arm in a newer table
		x.counters().add(time.Since(x.start), true)
		x.start = time.Now()
	}
	x.arm = to
}

// fail answers a request that got no answer from a release.
func (x *exchange) fail(w http.ResponseWriter, _ *http.Request, err error) {
	status := x.blame(err)
	x.status = status
	if status == statusClientClosed {
		w.WriteHeader(status) // nobody reads it
		return
	}
	if x.failed = status >= http.StatusInternalServerError; x.failed {
		attrs := []any{"http.response.status_code", status, "error", err}
		if x.backend != nil {
			attrs = append(attrs, "backend", x.backend.id.ID)
		}
		x.proxy.shared.log.Debug("request not answered", attrs...)
	}
	refuse(w, status, err)
}

// blame gives the status that says whose failure err is.
func (x *exchange) blame(err error) int {
	switch {
	case x.in.Context().Err() != nil:
		return statusClientClosed
	case x.upload.broken():
		return http.StatusBadRequest
	default:
		return statusOf(err)
	}
}

// finish counts the request and lets go of the backend.
func (x *exchange) finish() {
	if x.answer.broken && x.in.Context().Err() == nil {
		x.failed = true
	}
	x.count()
	x.drop()
}

// count counts the request with the arm it is with, once.
func (x *exchange) count() {
	if x.arm == nil || x.counted {
		return
	}
	x.counted = true
	x.counters().add(time.Since(x.start), x.failed || x.status >= http.StatusInternalServerError)
}

func (x *exchange) counters() *counters {
	if x.only != "" {
		return x.arm.preview
	}
	return x.arm.judged
}

func (x *exchange) drop() {
	if x.backend != nil {
		x.backend.release()
		x.backend = nil
	}
}

var (
	_ http.RoundTripper = (*exchange)(nil)
	_ io.ReadCloser     = (*answer)(nil)
)
