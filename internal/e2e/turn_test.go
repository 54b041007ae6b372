package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

// How many releases of each strategy TestTurn makes, good ones and as many bad
// ones; `make bench-release` asks for many.
var turns = flag.Int("turns", 1, "good and bad releases of each strategy in TestTurn")

// A bad release answers half of what it is asked with an error.
const turnConfig = `version: 1
service: tiny
build: {run: 'cp %s tiny.bin', artifacts: [tiny.bin, version]}
environments:
  staging: {security: none, tests: none, target: {process: {command: [./tiny.bin], env: {TINY_FAIL: "%d"}, replicas: 2, listen: "%s", ready: {http: /ready}}}}
deploy:
  rolling: {for: 2s, bake: 1s, undecided: promote}
  canary: {steps: [{weight: 20, for: 2s}, {weight: 60, for: 2s}], bake: 1s, undecided: promote}
  blue-green: {for: 2s, keep-old: 0s, bake: 1s, undecided: promote}
`

// turnRate is the traffic while releases are made, in requests a second.
const turnRate = 200

// turn is what one release did to the users.
type turn struct {
	requests, errors, lost int           // answered with an error by the release; lost on the way
	back                   time.Duration // from the verdict to all traffic back
}

// TestTurn releases good and bad versions by every strategy under load: good
// ones cost no request, bad ones are rolled back and lose nothing but what the
// bad release itself answered. How fast is reported: `make bench-release`.
func TestTurn(t *testing.T) {
	l := newTurnLab(t)
	for _, strategy := range []fairlead.Strategy{fairlead.StrategyRolling, fairlead.StrategyCanary, fairlead.StrategyBlueGreen} {
		var good, bad []turn
		for i := range *turns {
			g := l.turn(strategy, fmt.Sprintf("%s good %d", strategy, i), 0)
			if g.errors+g.lost > 0 {
				t.Errorf("%s: a good release cost %d of %d requests", strategy, g.errors+g.lost, g.requests)
			}
			b := l.turn(strategy, fmt.Sprintf("%s bad %d", strategy, i), 50)
			if b.lost > 0 || b.errors == 0 || b.back <= 0 {
				t.Errorf("%s: of a bad release %d errors, %d of %d requests lost, %s until all traffic was back", strategy, b.errors, b.lost, b.requests, b.back)
			}
			good, bad = append(good, g), append(bad, b)
		}
		reportTurns(t, strategy, good, bad)
	}
}

// turnLab is a repository with a service under load.
type turnLab struct {
	*lab
	addr  string
	loads loads
}

func newTurnLab(t *testing.T) *turnLab {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	l := &turnLab{lab: emptyLab(t, ""), addr: fmt.Sprintf("127.0.0.1:%d", port)}
	l.url = "http://" + l.addr
	l.git("init", "-q", "-b", "develop")
	l.version("first", 0)
	if out, err := l.fairlead(nil, "run").CombinedOutput(); err != nil {
		t.Fatalf("first release: %v\n%s", err, out)
	}
	return l
}

// version commits one that answers so many percent of what it is asked with an error.
func (l *turnLab) version(name string, failing int) {
	l.t.Helper()
	l.write("fairlead.yaml", fmt.Sprintf(turnConfig, program+"/tiny", failing, l.addr))
	l.commit(name)
}

// turn makes one release under load. A bad one is to be rolled back.
func (l *turnLab) turn(by fairlead.Strategy, name string, failing int) turn {
	l.t.Helper()
	l.version(name, failing)
	l.loads.start(l.url, turnRate)
	defer l.loads.stopAll()
	time.Sleep(time.Second) // the release that is live has to serve something to be compared with
	out, err := l.fairlead(nil, "run", "--event", "manual", "--environment", "staging", "--strategy", string(by)).CombinedOutput()
	var exit *exec.ExitError
	if failing == 0 && err != nil || failing > 0 && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		l.t.Fatalf("%s: %v\n%s", name, err, out)
	}
	time.Sleep(time.Second) // what is still on its way
	load := l.loads.stop(l.url)
	got := turn{requests: int(load.metrics.Requests)}
	for what, n := range load.failures {
		if strings.HasPrefix(what, "500") {
			got.errors += n
		} else {
			got.lost += n
			l.t.Logf("%s: %d times %s", name, n, what)
		}
	}
	if failing > 0 {
		got.back = l.back(name)
	}
	return got
}

// back is the time from the last verdict on the newest deployment until all
// traffic was on the release before, both as recorded.
func (l *turnLab) back(name string) time.Duration {
	l.t.Helper()
	out, err := l.fairlead(nil, "env", "show", "staging", "--json").Output()
	var seen struct {
		History []fairlead.Deployment `json:"history"`
	}
	if err == nil {
		err = json.Unmarshal(out, &seen)
	}
	if err != nil || len(seen.History) == 0 {
		l.t.Fatalf("%s: %v\n%s", name, err, out)
	}
	d := seen.History[0]
	if d.Phase != fairlead.DeployRolledBack || len(d.Verdicts) == 0 || len(d.Weights) == 0 || d.Weights[len(d.Weights)-1].Weight != 0 {
		l.t.Fatalf("%s: %s with %d verdicts, traffic %v", name, d.Phase, len(d.Verdicts), d.Weights)
	}
	return d.Weights[len(d.Weights)-1].Time.Sub(d.Verdicts[len(d.Verdicts)-1].Time)
}

// reportTurns gives a strategy's row of the table in docs/reference/benchmarks.md.
func reportTurns(t *testing.T, strategy fairlead.Strategy, good, bad []turn) {
	sum := func(all []turn, of func(turn) int) (n int) {
		for _, x := range all {
			n += of(x)
		}
		return n
	}
	requests, lost := func(x turn) int { return x.requests }, func(x turn) int { return x.lost }
	failed := func(x turn) int { return x.errors + x.lost }
	var backs []time.Duration
	for _, b := range bad {
		backs = append(backs, b.back)
	}
	slices.Sort(backs)
	at := func(q float64) string {
		return fmt.Sprintf("%.1f", backs[min(len(backs)-1, int(q*float64(len(backs))))].Seconds()*1000)
	}
	t.Logf("| %s | %d | %s / %s / %s | %d of %d | %d of %d | %d |", strategy, len(bad), at(0.5), at(0.9), at(1),
		sum(good, failed), sum(good, requests), sum(bad, failed), sum(bad, requests), sum(bad, lost))
}
