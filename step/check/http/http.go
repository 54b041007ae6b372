// Package http is the step type check.http: it asks a running release a few
// questions before traffic reaches it.
package http

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/step"
)

// Name is the step type's name.
const Name = "check.http"

//go:embed http.md
var doc string

// Config is the step's configuration.
type Config struct {
	Paths    []string          `json:"paths" doc:"paths to ask for, each a test case"`
	Method   string            `json:"method" doc:"request method" enum:"GET,HEAD,OPTIONS,POST"`
	Status   []int             `json:"status" doc:"answers that pass; none means 200 to 299"`
	Contains string            `json:"contains" doc:"text that the first MiB of the body must contain"`
	Timeout  fairlead.Duration `json:"timeout" doc:"limit of one attempt, from connecting to the body's end"`
	Attempts int               `json:"attempts" doc:"how often a path is asked for before it fails" min:"1" max:"100"`
	Interval fairlead.Duration `json:"interval" doc:"pause between two attempts"`
}

// Type describes check.http.
func Type() step.Type {
	return step.Type{
		Name:     Name,
		Title:    "probe a running release over HTTP",
		Doc:      doc,
		Needs:    step.Needs{Endpoint: true},
		Produces: []string{fairlead.PredicateTest},
		Config: Config{
			Paths: []string{"/"}, Method: http.MethodGet, Status: []int{},
			Timeout: fairlead.Duration(5 * time.Second), Attempts: 3, Interval: fairlead.Duration(500 * time.Millisecond),
		},
		Run: run,
	}
}

// predicate is the test-result predicate of in-toto. The release that was
// asked is named by the run, so the endpoint is only told, not attested.
type predicate struct {
	Result        string   `json:"result"` // PASSED or FAILED
	Configuration []any    `json:"configuration"`
	PassedTests   []string `json:"passedTests"`
	FailedTests   []string `json:"failedTests"`
}

func run(ctx context.Context, in step.In) (step.Out, error) {
	config := step.ConfigOf[Config](in)
	base, err := endpoint(in.Endpoint)
	if err != nil {
		return step.Out{}, err
	}
	if err := checkConfig(config); err != nil {
		return step.Out{}, err
	}
	p := newProber(config, base, in.Secrets)
	defer p.client.CloseIdleConnections()
	out := step.Out{Outcome: step.Done}
	var failed []string
	var slowest time.Duration
	for _, path := range config.Paths {
		r := p.probe(ctx, path)
		if err := context.Cause(ctx); err != nil {
			return step.Out{}, problem(fairlead.KindCancelled, "", err)
		}
		fmt.Fprintln(in.Output, r)
		out.Cases = append(out.Cases, r.testCase(in.Task.ID))
		slowest = max(slowest, r.latency)
		if r.err != nil {
			failed = append(failed, r.String())
		}
	}
	out.Measurements = []fairlead.Measurement{{Name: "slowest_probe", Value: slowest.Seconds(), Unit: "s"}}
	if len(failed) > 0 {
		out.Outcome, out.Reason = step.Failed, strings.Join(failed, "; ")
	}
	out.Claims = []fairlead.Claim{{PredicateType: fairlead.PredicateTest, Predicate: step.Predicate(summary(out.Cases))}}
	return out, nil
}

// endpoint reads the base URL of the release.
func endpoint(raw string) (*url.URL, error) {
	const hint = "use check.http in a phase where a release runs: phase: preview"
	if raw == "" {
		return nil, problem(fairlead.KindInvalid, hint, errors.New("no release is running"))
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, problem(fairlead.KindInvalid, "", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, problem(fairlead.KindInvalid, "", fmt.Errorf("endpoint %q is not an http URL", raw))
	}
	return u, nil
}

// checkConfig refuses what the schema cannot.
func checkConfig(c Config) error {
	var all []error
	if len(c.Paths) == 0 {
		all = append(all, errors.New("paths: at least one is needed"))
	}
	for _, p := range c.Paths {
		if u, err := url.Parse(p); err != nil || !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || u.Host != "" {
			all = append(all, fmt.Errorf("paths: %q is not a path such as /healthz", p))
		}
	}
	for _, s := range c.Status {
		if s < 100 || s > 599 {
			all = append(all, fmt.Errorf("status: %d is not a status", s))
		}
	}
	if c.Timeout <= 0 {
		all = append(all, fmt.Errorf("timeout: %s is not above 0", c.Timeout))
	}
	if c.Interval < 0 {
		all = append(all, fmt.Errorf("interval: %s is below 0", c.Interval))
	}
	if len(all) == 0 {
		return nil
	}
	return problem(fairlead.KindInvalid, "", errors.Join(all...))
}

func summary(cases []fairlead.TestCase) predicate {
	p := predicate{Result: "PASSED", Configuration: []any{}, PassedTests: []string{}, FailedTests: []string{}}
	for _, c := range cases {
		if c.Result == fairlead.CaseFailed {
			p.Result = "FAILED"
			p.FailedTests = append(p.FailedTests, c.Name)
		} else {
			p.PassedTests = append(p.PassedTests, c.Name)
		}
	}
	return p
}

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "check release", Kind: kind, Hint: hint, Err: err}
}
