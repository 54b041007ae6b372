package proxy

import (
	"fmt"
	"math"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// requests is how many requests the split is measured over.
const requests = 10_000

// tally sends requests straight to the handler and counts who answered.
func tally(h http.Handler, request func(i int, r *http.Request)) map[string]int {
	got := map[string]int{}
	for i := range requests {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		request(i, r)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got[w.Body.String()]++
	}
	return got
}

func TestSplitIsWithinOnePercentagePoint(t *testing.T) {
	s, c := []Backend{replica(t, "s", says("stable"))}, []Backend{replica(t, "c", says("canary"))}
	byAddress := func(i int, r *http.Request) { r.RemoteAddr = fmt.Sprintf("10.1.%d.%d:4000", i/256, i%256) }
	tests := []struct {
		name    string
		sticky  Sticky
		weight  int
		request func(int, *http.Request)
	}{
		{"own cookie, none sent", Sticky{}, 5, func(int, *http.Request) {}},
		{"own cookie, none sent", Sticky{}, 37, func(int, *http.Request) {}},
		{"service's cookie", Sticky{By: ByCookie, Name: "session"}, 25, func(i int, r *http.Request) {
			r.AddCookie(&http.Cookie{Name: "session", Value: fmt.Sprintf("s%d", i)})
		}},
		{"header", Sticky{By: ByHeader, Name: "X-User"}, 50, func(i int, r *http.Request) {
			r.Header.Set("X-User", fmt.Sprintf("user-%d", i))
		}},
		{"address", Sticky{By: ByAddress}, 5, byAddress},
		{"header missing, by address", Sticky{By: ByHeader, Name: "X-User"}, 25, byAddress},
		{"no key at all", Sticky{By: ByAddress}, 10, func(_ int, r *http.Request) { r.RemoteAddr = "@" }},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s at %d%%", tt.name, tt.weight), func(t *testing.T) {
			p := New(Options{})
			defer p.Close()
			set(t, p, split(tt.weight, s, c, tt.sticky))
			got := tally(p, tt.request)
			if got["stable"]+got["canary"] != requests {
				t.Fatalf("not all answered: %v", got)
			}
			if off := math.Abs(float64(got["canary"])/requests*100 - float64(tt.weight)); off >= 1 {
				t.Errorf("canary has %d of %d requests", got["canary"], requests)
			}
			wantSample(t, p, canary, uint64(got["canary"]), 0)
			wantSample(t, p, stable, uint64(got["stable"]), 0)
		})
	}
}

func TestVisitorsStayAndAreToldOnce(t *testing.T) {
	tab := split(50, []Backend{replica(t, "s", says("stable"))}, []Backend{replica(t, "c", says("canary"))}, Sticky{})
	_, url := front(t, Options{}, tab)
	seen := map[string]bool{}
	for range 8 {
		c := client(t)
		c.Jar, _ = cookiejar.New(nil)
		first := get(t, c, url)
		line := first.header.Get("Set-Cookie")
		if !strings.HasPrefix(line, "fairlead=") || !strings.Contains(line, "HttpOnly") || !strings.Contains(line, "SameSite=Lax") || !strings.Contains(line, "Path=/") {
			t.Fatalf("cookie is %q", line)
		}
		for range 5 {
			if a := get(t, c, url); a.body != first.body || a.header.Get("Set-Cookie") != "" {
				t.Fatalf("visitor of %s came to %s (cookie %q)", first.body, a.body, a.header.Get("Set-Cookie"))
			}
		}
		seen[first.body] = true
	}
	if len(seen) != 2 {
		t.Fatalf("eight visitors of a half and half split all came to %v", seen)
	}
}

func TestCookieOfSomethingElseIsReplaced(t *testing.T) {
	tab := split(50, []Backend{replica(t, "s", says("stable"))}, []Backend{replica(t, "c", says("canary"))}, Sticky{})
	_, url := front(t, Options{}, tab)
	for _, value := range []string{"10000", "-1", "x", "", "99999999999999999999", strings.Repeat("9", 4000)} {
		a := get(t, client(t), url, "Cookie: fairlead="+value)
		n, err := strconv.Atoi(strings.TrimPrefix(strings.SplitN(a.header.Get("Set-Cookie"), ";", 2)[0], "fairlead="))
		if a.status != 200 || err != nil || n < 0 || n >= buckets {
			t.Errorf("cookie %.20q answered %d with %q", value, a.status, a.header.Get("Set-Cookie"))
		}
	}
}

func TestNoCookieWithoutASplitOrForAServicesOwn(t *testing.T) {
	s, c := []Backend{replica(t, "s", says("stable"))}, []Backend{replica(t, "c", says("canary"))}
	for _, tab := range []Table{
		only(stable, s...),
		split(0, s, c, Sticky{}),
		split(50, s, c, Sticky{By: ByCookie, Name: "session"}),
		split(50, s, c, Sticky{By: ByAddress}),
	} {
		p, url := front(t, Options{}, tab)
		if a := get(t, client(t), url); a.header.Get("Set-Cookie") != "" {
			t.Errorf("%+v sets %q", tab.Sticky, a.header.Get("Set-Cookie"))
		}
		p.Close()
	}
}

func TestVisitorWhoseReleaseIsDownGoesToAnotherWithWeight(t *testing.T) {
	s := []Backend{replica(t, "s", says("stable"))}
	tab := split(50, s, nil, Sticky{By: ByHeader, Name: "X-User"})
	tab.Arms = append(tab.Arms, Arm{Release: newest, Backends: []Backend{replica(t, "n", says("newest"))}})
	p, url := front(t, Options{}, tab)
	c := client(t)
	for i := range 40 {
		if a := get(t, c, url, fmt.Sprintf("X-User: user-%d", i)); a.body != "stable" {
			t.Fatalf("got %d %s", a.status, a.body)
		}
	}
	eventually(t, "all counted", func() bool { return p.Sample(stable).Requests == 40 })
	down := p.Sample(canary)
	if down.Requests == 0 || down.Requests == 40 || down.Errors != down.Requests {
		t.Errorf("the release that could not answer counts %d requests, %d errors", down.Requests, down.Errors)
	}
	wantSample(t, p, newest, 0, 0)
}

// Whatever a client sends, it has a bucket, and the same one the next time
// unless it is told a new one.
func FuzzVisitorOf(f *testing.F) {
	f.Add("fairlead=17", "alice", "10.0.0.1, 10.0.0.2", "192.0.2.1:99")
	f.Add("fairlead=10000; fairlead=-3", "", ",", "[::1]:80")
	f.Add("session=\"a;b\"", "\xff\x00", "", "@")
	f.Fuzz(func(t *testing.T, cookie, header, forwarded, address string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Cookie"], r.Header["X-User"], r.Header["X-Forwarded-For"] = []string{cookie}, []string{header}, []string{forwarded}
		r.RemoteAddr = address
		for _, s := range []Sticky{{}, {By: ByCookie, Name: "session"}, {By: ByHeader, Name: "X-User"}, {By: ByAddress}} {
			for _, trust := range []bool{false, true} {
				next := newSequence()
				start := next.n.Load()
				one, two := visitorOf(r, s, trust, next), visitorOf(r, s, trust, next)
				if one.bucket < 0 || one.bucket >= buckets {
					t.Fatalf("%+v: bucket %d", s, one.bucket)
				}
				if one != two && next.n.Load() == start {
					t.Fatalf("%+v: %+v, then %+v", s, one, two)
				}
				if one.tell && ownBucket(t, one) != one.bucket {
					t.Fatalf("told %q for bucket %d", one.cookie(trust), one.bucket)
				}
			}
		}
	})
}

// ownBucket is where a visitor with the proxy's own cookie comes back to.
func ownBucket(t *testing.T, v visitor) int {
	t.Helper()
	c, err := http.ParseSetCookie(v.cookie(true))
	if err != nil || !c.HttpOnly || !c.Secure {
		t.Fatalf("%+v, %v", c, err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	return ownVisitor(r, newSequence()).bucket
}
