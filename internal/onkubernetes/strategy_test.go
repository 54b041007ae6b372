package onkubernetes

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// canary moves from one release to another by these weights, under traffic,
// and gives how often each version answered at each of them.
func (s *stand) canary(from, to goods, weights ...int) []map[string]int {
	s.t.Helper()
	began := time.Now()
	s.deliver(to)
	s.apply(part{to, 2, 0}, part{from, 2, 100})
	s.ready(to, 2)
	started := time.Since(began)
	crowd := s.visitors(4)
	s.answered(crowd, 20)
	var all []map[string]int
	var turned time.Duration // of all stages, without the requests counted in them
	for _, w := range weights {
		began = time.Now()
		s.apply(part{to, 2, w}, part{from, 2, 100 - w})
		turned += time.Since(began)
		crowd.answers()
		all = append(all, s.answered(crowd, 300))
	}
	began = time.Now()
	s.settle(part{to, 2, 100})
	home := time.Since(began)
	crowd.answers()
	s.answered(crowd, 20)
	crowd.hold(s.t)
	s.t.Logf("started in %s, turned in %s (%d stages), home in %s; %d of %d requests failed", started.Round(time.Millisecond),
		turned.Round(time.Millisecond), len(weights), home.Round(time.Millisecond), len(crowd.bad), crowd.all)
	return all
}

// answered waits for that many more answers, however long they take, and gives
// them by version.
func (s *stand) answered(crowd *crowd, n int) map[string]int {
	s.t.Helper()
	sum := map[string]int{}
	s.eventually(func() string {
		for version, n := range crowd.answers() {
			sum[version] += n
		}
		return short(sum, n)
	})
	return sum
}

func short(seen map[string]int, n int) string {
	sum := 0
	for _, v := range seen {
		sum += v
	}
	if sum < n {
		return fmt.Sprintf("only %d answers", sum)
	}
	return ""
}

// tidy holds that the release is home, alone, and named as the user named it.
func (s *stand) tidy(g goods, image string) {
	s.t.Helper()
	if got := s.kubectl("get", "deployments", "-o", "jsonpath={.items[*].metadata.name}"); got != "shop" {
		s.t.Errorf("Deployments are %q, want shop alone", got)
	}
	if got := s.kubectl("get", "services", "-o", "jsonpath={.items[*].metadata.name}"); got != "shop" {
		s.t.Errorf("Services are %q, want shop alone", got)
	}
	if got := s.kubectl("get", "service", "shop", "-o", "jsonpath={.spec.selector}"); got != `{"app":"shop"}` {
		s.t.Errorf("the Service selects %s", got)
	}
	if got := s.kubectl("get", "deployment", "shop", "-o", "jsonpath={.spec.template.spec.containers[0].image} {.spec.replicas}"); got != image+" 2" {
		s.t.Errorf("home runs %s, want %s with 2 replicas", got, image)
	}
	if i := s.instance(g); i.Weight != 100 || i.Ready != 2 {
		s.t.Errorf("the release is seen as %+v", i)
	}
}

// about holds that a version had its share of the answers, give or take what
// chance and whole replicas do.
func about(t *testing.T, seen map[string]int, version string, percent int) {
	t.Helper()
	sum := 0
	for _, n := range slices.Collect(maps.Values(seen)) {
		sum += n
	}
	if got := 100 * seen[version] / sum; got < percent-12 || got > percent+12 {
		t.Errorf("%d%% of the answers are of %s, want about %d%%", got, version, percent)
	}
}

// As a release manager I release by canary behind a gateway: each step's share
// of the requests goes to the new release, none fails, and in the end my own
// Deployment runs it, with the route as I wrote it.
func TestCanaryByRoute(t *testing.T) {
	s := newStand(t, map[string]any{"gateway-api": "shop", "accept": "60s"})
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	before := s.kubectl("get", "httproute", "shop", "-o", "jsonpath={.spec.rules}")
	seen := s.canary(one, two, 20, 50, 100)
	for i, want := range []int{20, 50, 100} {
		about(t, seen[i], "2.0.0", want)
	}
	s.tidy(two, s.image("2.0.0"))
	if after := s.kubectl("get", "httproute", "shop", "-o", "jsonpath={.spec.rules}"); after != before {
		t.Errorf("the route was\n%s\nand is\n%s", before, after)
	}
}

// While a canary moves, rules and backends of the route that are not ours stay
// as they are.
func TestForeignRulesStay(t *testing.T) {
	s := newStand(t, map[string]any{"gateway-api": "shop", "accept": "60s"})
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	foreign := s.kubectl("get", "httproute", "shop", "-o", "jsonpath={.spec.rules[0]}")
	s.deliver(two)
	s.apply(part{two, 2, 0}, part{one, 2, 100})
	s.ready(two, 1)
	s.apply(part{two, 2, 30}, part{one, 2, 70})
	if now := s.kubectl("get", "httproute", "shop", "-o", "jsonpath={.spec.rules[0]}"); now != foreign {
		t.Errorf("a foreign rule was\n%s\nand is\n%s", foreign, now)
	}
	got := s.kubectl("get", "httproute", "shop", "-o", "jsonpath={range .spec.rules[1].backendRefs[*]}{.name}={.weight} {end}")
	if want := "shop=70 " + copyOf(two) + "=30 "; got != want {
		t.Errorf("the rule divides %q, want %q", got, want)
	}
	// Somebody adds a rule while the release moves: it outlives that.
	s.kubectl("patch", "httproute", "shop", "--type=json", "--field-manager=colleague", "-p",
		`[{"op": "add", "path": "/spec/rules/-", "value": {"matches": [{"path": {"type": "Exact", "value": "/theirs"}}], "backendRefs": [{"name": "theirs", "port": 80}]}}]`)
	theirs := s.kubectl("get", "httproute", "shop", "-o", "jsonpath={.spec.rules[2]}")
	s.apply(part{two, 2, 60}, part{one, 2, 40})
	s.settle(part{two, 2, 100})
	if now := s.kubectl("get", "httproute", "shop", "-o", "jsonpath={.spec.rules[0]}{.spec.rules[2]}"); now != foreign+theirs {
		t.Errorf("foreign rules were\n%s\nand are\n%s", foreign+theirs, now)
	}
	s.tidy(two, s.image("2.0.0"))
}

// Blue-green turns the Service's selector, all at once, and back home in the end.
func TestBlueGreenBySelector(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	s.canary(one, two, 100)
	s.tidy(two, s.image("2.0.0"))
}

// Without a gateway traffic is divided by replicas, and neither Deployment is
// scaled for it.
func TestCanaryByReplicas(t *testing.T) {
	s := newStand(t, map[string]any{})
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	seen := s.canary(one, two, 33, 50, 67, 100)
	for i, want := range []int{33, 50, 67, 100} {
		about(t, seen[i], "2.0.0", want)
	}
	s.tidy(two, s.image("2.0.0"))
}

// A rollback turns the traffic first: in one step, without waiting for a start,
// and without a failed request, also from a release whose papers are good for
// nothing any more.
func TestRollback(t *testing.T) {
	for name, traffic := range map[string]map[string]any{
		"route": {"gateway-api": "shop", "accept": "60s"}, "selector": {"service": "shop"}, "replicas": {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t, traffic)
			one, two := s.shop("1.0.0"), s.shop("2.0.0")
			s.first(one)
			s.deliver(two)
			s.apply(part{two, 2, 0}, part{one, 2, 100})
			s.ready(two, 2)
			crowd := s.visitors(4)
			s.apply(part{two, 2, 100}, part{one, 2, 0})
			s.eventually(func() string {
				if seen := crowd.answers(); seen["2.0.0"] == 0 {
					return fmt.Sprint("nobody reaches the new release: ", seen)
				}
				return ""
			})
			s.fence++
			s.revoked = two.id()
			began := time.Now()
			s.apply(part{one, 2, 100}, part{two, 2, 0})
			told := time.Since(began)
			s.eventually(func() string {
				if seen := crowd.answers(); seen["1.0.0"] == 0 || seen["2.0.0"] > 0 {
					return fmt.Sprint("still answers: ", seen)
				}
				return ""
			})
			silent := time.Since(began)
			s.settle(part{one, 2, 100})
			crowd.hold(t)
			t.Logf("applied after %s, no answer of the bad release after %s; %d of %d requests failed", told.Round(time.Millisecond),
				silent.Round(time.Millisecond), len(crowd.bad), crowd.all)
			s.tidy(one, s.image("1.0.0"))
		})
	}
}

// A release that is the only one can be taken down, and leaves nothing behind.
func TestNothingIsLeft(t *testing.T) {
	s := newStand(t, map[string]any{"gateway-api": "shop", "accept": "60s"})
	one := s.shop("1.0.0")
	s.first(one)
	s.fence++
	s.settle()
	got := s.kubectl("get", "deployments,services,httproutes", "-o", "name")
	if strings.TrimSpace(got) != "" {
		t.Errorf("left behind: %s", got)
	}
}

// Where somebody has deployed by hand before, a first release that does not
// come up leaves the Deployment as it was.
func TestAdoptedHomeIsRestored(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one, two := s.image("1.0.0"), s.shop("2.0.0")
	yaml := strings.ReplaceAll(manifests(), "image: podinfo", "image: "+one)
	s.c.Must(t, yaml, "apply", "--server-side", "--field-manager=fairlead", "-n", s.namespace, "-f", "-")
	s.kubectl("rollout", "status", "deployment/shop", "--timeout=180s")
	s.deliver(two)
	s.apply(part{two, 2, 0})
	s.ready(two, 2)
	crowd := s.visitors(2)
	s.apply(part{two, 2, 100})
	s.settle(part{two, 2, 100})
	s.fence++
	var once sync.Once
	d := s.door(func(_ string, r *http.Request) { // the cluster's own controllers write at any time
		if r.Header.Get("Content-Type") == "application/json-patch+json" {
			once.Do(func() { s.kubectl("annotate", "deployment", "shop", "written=between") })
		}
	})
	s.eventually(func() string {
		if err := s.Apply(t.Context(), s.at, s.by(d)); err != nil {
			t.Fatal(err)
		}
		return s.observe().Pending
	})
	s.kubectl("rollout", "status", "deployment/shop", "--timeout=180s")
	if got := s.kubectl("get", "deployment", "shop", "-o", "jsonpath={.spec.template.spec.containers[0].image}"); got != one {
		t.Errorf("home runs %s, want %s as before", got, one)
	}
	got := s.kubectl("get", "deployment", "shop", "-o", "jsonpath={.metadata.labels} {.metadata.annotations}")
	if strings.Contains(got, "fairlead.dev/") || !strings.Contains(got, `"written":"between"`) {
		t.Errorf("home has %s", got)
	}
	crowd.hold(t)
}
