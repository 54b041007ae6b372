package onkubernetes

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev/internal/promtest"
)

// discovery keeps what Prometheus is to scrape in step with the pods of the
// namespace, as its discovery does inside a cluster: the label of a pod's
// release becomes that of its series.
func (s *stand) discovery() (glob string) {
	s.t.Helper()
	dir := s.t.TempDir()
	path := filepath.Join(dir, "pods.json")
	type group struct {
		Targets []string          `json:"targets"`
		Labels  map[string]string `json:"labels"`
	}
	doors := map[string]string{} // by address of the pod
	pods := s.pods()
	look := func() error {
		releases, err := pods()
		if err != nil {
			return err
		}
		groups := []group{}
		for address, release := range releases {
			if doors[address] == "" {
				local, stop, err := s.c.Forward(address + ":9898")
				if err != nil {
					return err
				}
				s.t.Cleanup(stop)
				doors[address] = local
			}
			groups = append(groups, group{[]string{doors[address]}, map[string]string{"fairlead_release": release}})
		}
		raw, err := json.Marshal(groups)
		if err != nil {
			return err
		}
		if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
			return err
		}
		return os.Rename(path+".new", path)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for s.t.Context().Err() == nil {
			_ = look() // the next one comes soon
			time.Sleep(300 * time.Millisecond)
		}
	}()
	s.t.Cleanup(func() { <-ended })
	return filepath.Join(dir, "*.json")
}

// requests are those of visitors: not of probes, nor of Prometheus.
const requests = `http_request_duration_seconds_count{path="version", fairlead_release="{{tag}}"}`

// nobody is there as soon as a pod is, before its first request.
const nobody = `up{fairlead_release="{{tag}}"}`

// judged writes a configuration whose canary is judged by what Prometheus
// counts, with further keys of the strategy.
func (r *repo) judged(url, steps string, further ...string) {
	r.t.Helper()
	raw, err := json.Marshal(r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	text := fmt.Sprintf(repoConfig, raw)
	text = text[:strings.Index(text, "deploy:")]
	failed := strings.ReplaceAll(requests, `path="version"`, `path="version", status=~"5.."`)
	r.write("fairlead.yaml", text+fmt.Sprintf(`deploy:
  canary:
    steps: %s
    ready: 120s
    hold: 120s
    %s
    judge:
      negligible: 5%%
      metrics: [{name: failures, critical: true, bad: '%s or 0 * %s', total: '%s or 0 * %s'}]
sources: {prometheus: {url: %q}}
`, steps, strings.Join(further, "\n    "), failed, nobody, requests, nobody, url))
}

// As a release manager I release by canary behind a gateway, judged by what
// Prometheus counts of the pods themselves: a stage begins when its share of the
// requests is seen, a good release becomes live because it was shown to be no
// worse, and one whose errors only Prometheus sees is rolled back.
func TestJudgedByPrometheus(t *testing.T) {
	r := newRepo(t, map[string]any{"gateway-api": "shop", "accept": "60s", "measure": "120s"})
	url := promtest.Start(t, r.discovery())
	r.judged(url, "[{weight: 50, for: 8s}]")
	first, second := r.image("1.0.0"), r.image("2.0.0")
	r.commit("1")
	r.run(first)
	crowd := r.visitors(4)
	r.commit("2")
	out := r.run(second)
	for _, want := range []string{"50% of traffic", "measured: ", "is live in staging"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if why, err := r.fairlead("", nil, "why"); err != nil || !strings.Contains(why, "failures: not worse") {
		t.Errorf("why it was promoted: %v\n%s", err, why)
	}
	crowd.hold(t)

	crowd = r.visitors(4)
	r.commit("3")
	out, err := r.fairlead(r.image("2.0.0", "PODINFO_RANDOM_ERROR=true"), nil, "run")
	if exitCode(err) != 1 || !strings.Contains(out, "failures") || !strings.Contains(out, "rolled back") {
		t.Errorf("a release that fails one request in three: %v\n%s", err, out)
	}
	if got := r.kubectl("get", "deployments", "-o", "jsonpath={.items[*].metadata.name}={.items[*].spec.template.spec.containers[0].image}"); got != "shop="+second {
		t.Errorf("after the rollback the cluster runs %s, want %s at home", got, second)
	}
	crowd.stop()
	t.Logf("%d requests failed while the bad release was tried, of %v", len(crowd.bad), crowd.answers())
}

// A gateway that accepts new weights and goes on as before holds the stage's
// time back until it divides, and says so; one that never does is rolled back.
func TestGatewayThatAcceptsAndDoesNotDivide(t *testing.T) {
	r := newRepo(t, map[string]any{"gateway-api": "shop", "accept": "60s", "measure": "15s"})
	url := promtest.Start(t, r.discovery())
	r.judged(url, "[{weight: 50, for: 3s}]", "undecided: promote")
	first, second := r.image("1.0.0"), r.image("2.0.0")
	r.commit("1")
	r.run(first)
	crowd := r.visitors(4)
	r.kubectl("annotate", "gateway", "gateway", "test.fairlead.dev/stale=true")
	r.commit("2")
	out, err := r.fairlead(second, nil, "run")
	for _, want := range []string{"HTTPRoute shop was accepted, but 0.0% of", "not 50%"} {
		if exitCode(err) == 0 || !strings.Contains(out, want) {
			t.Errorf("a gateway that does not divide: %v, no %q in\n%s", err, want, out)
		}
	}
	// It is mended while the next release waits for its share.
	weights := r.weights()
	until := func(want string) {
		for t.Context().Err() == nil && weights() != want {
			time.Sleep(50 * time.Millisecond)
		}
	}
	lasted := make(chan time.Duration, 1)
	go func() {
		until("50 50")
		time.Sleep(4 * time.Second) // longer than the stage itself lasts
		_, _ = r.c.Kubectl(t.Context(), "", "annotate", "gateway", "gateway", "-n", r.namespace, "test.fairlead.dev/stale-")
		began := time.Now()
		until("0 100")
		lasted <- time.Since(began)
	}()
	r.config["traffic"].(map[string]any)["measure"] = "120s"
	r.judged(url, "[{weight: 50, for: 3s}]", "undecided: promote")
	r.commit("3")
	out = r.run(second)
	for _, want := range []string{"measured: ", "is live in staging"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if got := <-lasted; got < 3*time.Second {
		t.Errorf("the next stage began %s after the gateway divided, this one lasts 3s", got)
	}
	crowd.hold(t)
}
