package proxy

import (
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

func TestSetRefusesAllMistakesAtOnceAndKeepsTheTable(t *testing.T) {
	good := only(stable, replica(t, "s", says("stable")))
	at := func(addr string) Table { return only(stable, Backend{ID: "b", Addr: addr}) }
	sticky := func(by, name string) Table { return Table{Sticky: Sticky{By: by, Name: name}} }
	tests := []struct {
		name  string
		table Table
		want  []string
	}{
		{"sum", Table{Arms: []Arm{{Release: "a", Weight: 60}, {Release: "b", Weight: 41}}}, []string{"sum to 100 or 0 (got 101)"}},
		{"negative", Table{Arms: []Arm{{Release: "a", Weight: -5}, {Release: "b", Weight: 105}}}, []string{"arm 1: weight", "arm 2: weight"}},
		{"no release", Table{Arms: []Arm{{Weight: 100}}}, []string{"arm 1: has no release"}},
		{"twice", Table{Arms: []Arm{{Release: "a", Weight: 50}, {Release: "a", Weight: 50}}}, []string{"arm 2: release a is there twice"}},
		{"many", Table{Arms: []Arm{{Weight: 7}}, Sticky: Sticky{By: "moon"}}, []string{"no release", "got 7", "got \"moon\""}},
		{"backend twice", only(stable, Backend{"b", "h:1"}, Backend{"b", "h:2"}), []string{"backend b is there twice"}},
		{"backend without id", only(stable, Backend{"", "h:1"}), []string{"has no id"}},
		{"address", at("127.0.0.1"), []string{"address is host:port"}},
		{"port zero", at("127.0.0.1:0"), []string{"address is host:port"}},
		{"port name", at("127.0.0.1:http"), []string{"address is host:port"}},
		{"no host", at(":80"), []string{"address is host:port"}},
		{"header without name", sticky(ByHeader, ""), []string{"cannot name a header"}},
		{"header name", sticky(ByHeader, "a b"), []string{"cannot name a header"}},
		{"cookie name", sticky(ByCookie, "a=b"), []string{"cannot name a cookie"}},
		{"address name", sticky(ByAddress, "x"), []string{"takes no name"}},
	}
	p, url := front(t, Options{}, good)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := p.Set(tt.table)
			if fairlead.KindOf(err) != fairlead.KindInvalid || fairlead.HintOf(err) == "" {
				t.Fatalf("got %v", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v: lacks %q", err, want)
				}
			}
		})
	}
	if a := get(t, client(t), url); a.body != "stable" {
		t.Fatalf("a refused table changed the routing: %+v", a)
	}
}

func TestABackendThatMovesLeavesItsOldAddressToDrain(t *testing.T) {
	began, proceed := make(chan bool), make(chan bool)
	slow := replica(t, "one", blocking(began, proceed))
	p, url := front(t, Options{}, only(stable, slow))
	c := client(t)
	done := make(chan answered)
	go func() { done <- get(t, c, url) }()
	<-began
	set(t, p, only(stable, replica(t, "one", says("moved"))))
	if a := get(t, c, url); a.body != "moved" {
		t.Fatalf("got %s", a.body)
	}
	end := drained(p, "one")
	wantWaiting(t, end)
	proceed <- true
	wantDrained(t, end)
	if a := <-done; a.status != 200 {
		t.Fatalf("the request on the old address got %d", a.status)
	}
}

func TestABackendMayComeBack(t *testing.T) {
	b := replica(t, "s", says("stable"))
	p, url := front(t, Options{}, only(stable, b))
	c := client(t)
	for range 3 {
		set(t, p, Table{})
		if a := get(t, c, url); a.status != 503 {
			t.Fatalf("got %d", a.status)
		}
		set(t, p, only(stable, b))
		if a := get(t, c, url); a.status != 200 {
			t.Fatalf("got %d", a.status)
		}
	}
}

func TestABackendMayComeBackWhileItDrains(t *testing.T) {
	began, proceed := make(chan bool, 2), make(chan bool)
	b := replica(t, "s", blocking(began, proceed))
	p, url := front(t, Options{}, only(stable, b))
	c := client(t)
	done := make(chan answered, 2)
	send := func() { done <- get(t, c, url) }
	go send()
	<-began
	set(t, p, Table{})
	one, two := drained(p, "s"), drained(p, "s")
	wantWaiting(t, one)
	set(t, p, only(stable, b))
	for _, done := range []<-chan error{one, two} {
		if err := <-done; fairlead.KindOf(err) != fairlead.KindConflict {
			t.Fatalf("drained though it is routed to: %v", err)
		}
	}
	go send()
	<-began // the second is there before the first has ended
	close(proceed)
	if x, y := <-done, <-done; x.status != 200 || y.status != 200 {
		t.Fatalf("got %d and %d", x.status, y.status)
	}
}

func TestNoFallOverToAReleaseWithoutWeight(t *testing.T) {
	tab := only(stable)
	tab.Arms = append(tab.Arms, Arm{Release: newest, Backends: []Backend{replica(t, "n", says("newest"))}})
	_, url := front(t, Options{}, tab)
	if a := get(t, client(t), url); a.status != 503 {
		t.Fatalf("got %d %s", a.status, a.body)
	}
}

func TestRequestsGoToTheLeastBusy(t *testing.T) {
	began, proceed := make(chan bool), make(chan bool)
	one := replica(t, "one", blocking(began, proceed))
	p, url := front(t, Options{}, only(stable, one))
	c := client(t)
	done := make(chan answered)
	go func() { done <- get(t, c, url) }()
	<-began
	set(t, p, only(stable, one, replica(t, "two", says("two"))))
	for range 20 {
		if a := get(t, c, url); a.body != "two" {
			t.Fatalf("got %s", a.body)
		}
	}
	proceed <- true
	<-done
}

func TestDefaults(t *testing.T) {
	zero, unlimited := Options{}.withDefaults(), Options{HeaderTimeout: -1}.withDefaults()
	if zero.HeaderTimeout != time.Minute || unlimited.HeaderTimeout != 0 {
		t.Fatalf("header timeouts %s and %s", zero.HeaderTimeout, unlimited.HeaderTimeout)
	}
	if zero.Logger == nil || zero.DialTimeout <= 0 || zero.IdleTimeout <= 0 || zero.EjectAfter <= 0 || zero.EjectFor <= 0 {
		t.Fatalf("%+v", zero)
	}
}
