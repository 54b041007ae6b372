package proxy

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// seen is what a backend saw of a request.
type seen struct {
	Method, Target, Host, Body string
	Header                     http.Header
}

// mirror answers with what it saw.
func mirror(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	_ = json.NewEncoder(w).Encode(seen{r.Method, r.RequestURI, r.Host, string(b), r.Header})
}

func look(t *testing.T, a answered) seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal([]byte(a.body), &s); err != nil {
		t.Fatalf("%d %q: %v", a.status, a.body, err)
	}
	return s
}

// raw sends bytes and gives what comes back until the connection pauses or ends.
func raw(t *testing.T, url, bytes string) string {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, bytes); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	b, _ := io.ReadAll(conn)
	return string(b)
}

func TestForwardedHeadersAreOurOwnWord(t *testing.T) {
	lies := []string{
		"X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "Forwarded: for=6.6.6.6",
		"X-Forwarded-Port: 1", "X-Forwarded-Prefix: /evil", "X-Forwarded-Server: evil", "X-Forwarded-Ssl: on",
		"X-Forwarded-Scheme: https", "X-Real-Ip: 6.6.6.6", "True-Client-Ip: 6.6.6.6",
		"Connection: X-Forwarded-For, X-Forwarded-Host",
	}
	_, url := front(t, Options{}, only(stable, replica(t, "a", mirror)))
	req := request(t, "GET", url+"/a%2Fb//c?x=1&y=%20", "", lies...)
	req.Host = "shop.example"
	s := look(t, do(t, client(t), req))
	if s.Host != "shop.example" || s.Target != "/a%2Fb//c?x=1&y=%20" {
		t.Errorf("the backend saw %s at %s", s.Target, s.Host)
	}
	want := map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "shop.example", "X-Forwarded-Proto": "http"}
	for name, v := range want {
		if got := s.Header[name]; len(got) != 1 || got[0] != v {
			t.Errorf("%s is %q, want %q", name, got, v)
		}
	}
	for name := range s.Header {
		if _, ok := want[name]; !ok && (strings.Contains(name, "Forwarded") || strings.HasSuffix(name, "-Ip")) {
			t.Errorf("%s: %q came through", name, s.Header[name])
		}
	}
}

func TestForwardedHeadersOfATrustedProxy(t *testing.T) {
	tab := split(50, []Backend{replica(t, "s", mirror)}, []Backend{replica(t, "c", mirror)}, Sticky{})
	_, url := front(t, Options{TrustForwarded: true}, tab)
	a := get(t, client(t), url, "X-Forwarded-For: 6.6.6.6, 10.0.0.1", "X-Forwarded-Host: shop.example", "X-Forwarded-Proto: https", "X-Real-Ip: 10.0.0.1")
	s := look(t, a)
	want := map[string]string{
		"X-Forwarded-For": "6.6.6.6, 10.0.0.1, 127.0.0.1", "X-Forwarded-Host": "shop.example",
		"X-Forwarded-Proto": "https", "X-Real-Ip": "10.0.0.1",
	}
	for name, v := range want {
		if got := s.Header.Get(name); got != v {
			t.Errorf("%s is %q, want %q", name, got, v)
		}
	}
	if !strings.Contains(a.header.Get("Set-Cookie"), "Secure") {
		t.Errorf("the cookie of an https site is %q", a.header.Get("Set-Cookie"))
	}
	if s := look(t, get(t, client(t), url)); s.Header.Get("X-Forwarded-Host") == "" || s.Header.Get("X-Forwarded-Proto") != "http" {
		t.Errorf("without the headers the backend sees %v", s.Header)
	}
}

func TestClientAddressBehindATrustedProxy(t *testing.T) {
	tests := []struct {
		forwarded []string
		trust     bool
		want      string
	}{
		{nil, true, "192.0.2.1"},
		{[]string{"6.6.6.6"}, false, "192.0.2.1"},
		{[]string{"6.6.6.6"}, true, "6.6.6.6"},
		{[]string{"6.6.6.6, 10.0.0.1 "}, true, "10.0.0.1"},
		{[]string{"6.6.6.6", "10.0.0.2"}, true, "10.0.0.2"},
		{[]string{"6.6.6.6, "}, true, "192.0.2.1"},
	}
	for _, tt := range tests {
		r := request(t, "GET", "http://shop/", "")
		r.RemoteAddr = "192.0.2.1:1234"
		r.Header["X-Forwarded-For"] = tt.forwarded
		if got := clientAddress(r, tt.trust); got != tt.want {
			t.Errorf("%q (trusted: %t) is %s, want %s", tt.forwarded, tt.trust, got, tt.want)
		}
	}
}

// Whatever the bytes, the backend sees at most the one request that the proxy
// understood, and nothing that was hidden in it.
func TestHostileRequests(t *testing.T) {
	var paths buffer
	b := replica(t, "a", func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(&paths, r.RequestURI+" ")
	})
	_, url := front(t, Options{}, only(stable, b))
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	tests := []struct{ name, bytes, status string }{
		{"length and chunked", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n" + smuggled, ""},
		{"two lengths", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n" + smuggled, "400"},
		{"unknown coding", "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n" + smuggled, "501"},
		{"space before colon", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n" + smuggled, "400"},
		{"two hosts", "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400"},
		{"bad host", "GET /a HTTP/1.1\r\nHost: x y\r\n\r\n", "400"},
		{"no host", "GET /a HTTP/1.1\r\n\r\n", "400"},
		{"connect", "CONNECT evil:443 HTTP/1.1\r\nHost: evil:443\r\n\r\n", "405"},
		{"control in upgrade", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: a\x01b\r\n\r\n", "400"},
		{"upgrade beyond ascii", "GET /a HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: caf\xc3\xa9\r\n\r\n", "502"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := raw(t, url, tt.bytes)
			if tt.status != "" && !strings.HasPrefix(got, "HTTP/1.1 "+tt.status+" ") {
				t.Errorf("got %.80q, want %s", got, tt.status)
			}
		})
	}
	if strings.Contains(paths.String(), "smuggled") {
		t.Fatalf("the backend saw %s", paths.String())
	}
}

func TestAbsoluteFormAndOldClientsReachTheBackend(t *testing.T) {
	_, url := front(t, Options{}, only(stable, replica(t, "a", mirror)))
	got := raw(t, url, "GET http://other.example/path HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if !strings.Contains(got, `"Host":"other.example"`) || !strings.Contains(got, `"Target":"/path"`) {
		t.Errorf("absolute form: %s", got)
	}
	if got = raw(t, url, "GET /path HTTP/1.0\r\n\r\n"); !strings.Contains(got, `"Host":"localhost"`) {
		t.Errorf("without Host: %s", got)
	}
	if got = raw(t, url, "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("options *: %s", got)
	}
}

func TestCompressionIsTheClientsAffair(t *testing.T) {
	_, url := front(t, Options{}, only(stable, replica(t, "a", mirror)))
	got := raw(t, url, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if strings.Contains(got, "Accept-Encoding") || strings.Contains(got, "User-Agent") {
		t.Errorf("the proxy added headers: %s", got)
	}
}
