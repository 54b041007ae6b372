package proxy

import (
	"net/http/httputil"
	"strings"
)

// unproven are headers that services believe and that only a trusted proxy may
// set. ReverseProxy removes X-Forwarded-For, -Host, -Proto and Forwarded itself.
var unproven = [...]string{
	"X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server", "X-Forwarded-Ssl", "X-Forwarded-Scheme",
	"X-Real-Ip", "True-Client-Ip",
}

// rewrite prepares the request for a backend: the client's Host, and our own
// word on where it came from.
func (x *exchange) rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme = "http"
	r.Out.URL.Host = "localhost" // the transport knows its backend; this names it for requests without Host
	r.Out.Host = r.In.Host
	if strings.EqualFold(r.Out.Header.Get("Upgrade"), "h2c") {
		// A tunnel in which requests would pass uncounted and unsplit.
		r.Out.Header.Del("Upgrade")
		r.Out.Header.Del("Connection")
		r.Out.Header.Del("Http2-Settings")
	}
	if !x.proxy.options.TrustForwarded {
		for _, name := range unproven {
			delete(r.Out.Header, name)
		}
		r.SetXForwarded()
		return
	}
	r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
	r.SetXForwarded() // appends to X-Forwarded-For
	for _, name := range [...]string{"X-Forwarded-Host", "X-Forwarded-Proto", "Forwarded"} {
		if v := r.In.Header[name]; len(v) > 0 {
			r.Out.Header[name] = v
		}
	}
}
