package dast

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"time"

	"fairlead.dev"
)

// passive looks at an answer that was asked for anyway.
func (s *scan) passive(e entry, a *answer) {
	s.headers(e, a)
	s.cookies(e, a)
}

// headers looks for what tells a browser to be careful with a page.
func (s *scan) headers(e entry, a *answer) {
	if !a.html() || a.status != http.StatusOK {
		return
	}
	csp := strings.ToLower(a.header.Get("Content-Security-Policy"))
	missing := func(name, cwe, fix string, severity fairlead.Severity) {
		k := kind{rule: "dast-header-" + strings.ToLower(name), title: "the header " + name + " is missing", fix: fix, severity: severity, cwe: cwe}
		s.addWide(k, e, name, "not in the answer")
	}
	if csp == "" {
		missing("Content-Security-Policy", "CWE-693", "send a Content-Security-Policy that names where scripts may come from", fairlead.SeverityLow)
	}
	if !strings.EqualFold(a.header.Get("X-Content-Type-Options"), "nosniff") {
		missing("X-Content-Type-Options", "CWE-693", "send X-Content-Type-Options: nosniff", fairlead.SeverityLow)
	}
	if a.header.Get("X-Frame-Options") == "" && !strings.Contains(csp, "frame-ancestors") {
		missing("X-Frame-Options", "CWE-1021", "send frame-ancestors in Content-Security-Policy, or X-Frame-Options: DENY", fairlead.SeverityMedium)
	}
	if s.Base.Scheme == "https" && a.header.Get("Strict-Transport-Security") == "" {
		missing("Strict-Transport-Security", "CWE-319", "send Strict-Transport-Security with a max-age of a year", fairlead.SeverityMedium)
	}
}

// cookies looks at the attributes of cookies. Values are not looked at.
func (s *scan) cookies(e entry, a *answer) {
	for _, line := range a.header.Values("Set-Cookie") {
		c, err := http.ParseSetCookie(line)
		if err != nil || c.MaxAge < 0 {
			continue // one that is taken away protects nothing
		}
		bad := func(rule, what, cwe, fix string, severity fairlead.Severity) {
			s.addWide(kind{rule: rule, title: "the cookie " + short(c.Name) + " " + what, fix: fix, severity: severity, cwe: cwe}, e, c.Name, "Set-Cookie: "+short(c.Name))
		}
		if !c.Secure {
			bad("dast-cookie-secure", "may be sent without TLS", "CWE-614", "set Secure", fairlead.SeverityMedium)
		}
		name := strings.ToLower(c.Name)
		if !c.HttpOnly && !strings.Contains(name, "csrf") && !strings.Contains(name, "xsrf") {
			bad("dast-cookie-httponly", "can be read by scripts", "CWE-1004", "set HttpOnly", fairlead.SeverityMedium)
		}
		// http.SameSiteNoneMode is a choice that somebody made; it needs Secure to have effect.
		if c.SameSite == 0 || c.SameSite == http.SameSiteDefaultMode || (c.SameSite == http.SameSiteNoneMode && !c.Secure) {
			bad("dast-cookie-samesite", "says nothing about requests from other sites", "CWE-1275", "set SameSite=Lax or Strict", fairlead.SeverityLow)
		}
	}
}

// cors asks as a page from elsewhere would.
func (s *scan) cors(ctx context.Context, e entry) error {
	if e.method != http.MethodGet {
		return nil
	}
	for _, origin := range []string{"https://" + s.mark() + ".invalid", "null"} {
		r, err := e.with(ctx, s.Base, -1, "")
		if err != nil {
			return nil //nolint:nilerr // nothing to ask
		}
		r.Header.Set("Origin", origin)
		a, err := s.try(r)
		if err != nil {
			return err
		}
		if a == nil || a.header.Get("Access-Control-Allow-Origin") != origin {
			continue
		}
		k := kind{
			rule: "dast-cors-null", title: "sandboxed pages of anybody may read answers", cwe: "CWE-942", severity: fairlead.SeverityMedium,
			fix: "answer Access-Control-Allow-Origin only to a fixed list of origins, without null",
		}
		credentials := a.header.Get("Access-Control-Allow-Credentials") == "true"
		switch {
		case origin != "null" && !credentials:
			continue // as public as an asterisk
		case origin != "null":
			k.rule, k.title, k.severity = "dast-cors-reflected", "pages of any origin may read answers with the user's credentials", fairlead.SeverityHigh
		case credentials:
			k.severity = fairlead.SeverityHigh
		}
		s.add(k, e, "", "Origin: "+origin+" is allowed", "confirmed")
	}
	return nil
}

// tls looks at the certificate and at the oldest version that is spoken.
func (s *scan) tls(ctx context.Context) error {
	if s.Base.Scheme != "https" {
		return nil
	}
	e := entry{method: "TLS", route: s.Base.Host}
	state, err := s.shake(ctx, 0)
	if err != nil || state == nil {
		return err
	}
	bad := func(rule, title, cwe, fix string, severity fairlead.Severity) {
		s.add(kind{rule: rule, title: title, cwe: cwe, fix: fix, severity: severity}, e, "", "handshake", "firm")
	}
	leaf := state.PeerCertificates[0]
	if now := time.Now(); now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		bad("dast-tls-expired", "the certificate is not valid now", "CWE-298", "renew the certificate", fairlead.SeverityHigh)
	} else if now.Add(14 * 24 * time.Hour).After(leaf.NotAfter) {
		bad("dast-tls-expiring", "the certificate ends within 14 days", "CWE-298", "renew the certificate", fairlead.SeverityLow)
	}
	if leaf.VerifyHostname(s.Base.Hostname()) != nil {
		bad("dast-tls-host", "the certificate is for another host", "CWE-297", "get a certificate for the host's name", fairlead.SeverityHigh)
	}
	old, err := s.shake(ctx, tls.VersionTLS11)
	if old != nil {
		bad("dast-tls-version", "TLS 1.1 or older is spoken", "CWE-326", "speak TLS 1.2 and newer only", fairlead.SeverityMedium)
	}
	return err
}

// shake does a handshake by the client's own connections; the newest version is
// at most most, 0 for any. Nil when there is none.
func (s *scan) shake(ctx context.Context, most uint16) (*tls.ConnectionState, error) {
	t, ok := s.client.Transport.(*http.Transport)
	if !ok || t.DialContext == nil {
		return nil, nil //nolint:nilnil // a client of another kind shows no connections
	}
	ctx, done := context.WithTimeout(ctx, s.Wait)
	defer done()
	raw, err := t.DialContext(ctx, "tcp", net.JoinHostPort(s.Base.Hostname(), portOf(s.Base)))
	if err != nil {
		return nil, ctx.Err()
	}
	defer raw.Close()
	c := tls.Client(raw, &tls.Config{InsecureSkipVerify: true, ServerName: s.Base.Hostname(), MinVersion: tls.VersionTLS10, MaxVersion: most}) //nolint:gosec // to find out
	if c.HandshakeContext(ctx) != nil {
		return nil, ctx.Err()
	}
	state := c.ConnectionState()
	if len(state.PeerCertificates) == 0 || state.PeerCertificates[0].PublicKeyAlgorithm == x509.UnknownPublicKeyAlgorithm {
		return nil, nil //nolint:nilnil // nothing to judge
	}
	return &state, nil
}
