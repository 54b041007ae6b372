// Package dast is the step type scan.dast: it looks for flaws of a running
// release from outside, by the checks of the room dast.
package dast

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/dast"
	"fairlead.dev/step"
)

// Name is the step type's name.
const Name = "scan.dast"

// version is of the checks: another one may find something else.
const version = "1"

//go:embed dast.md
var doc string

// Config is what a user sets.
type Config struct {
	OpenAPI  string            `json:"openapi" doc:"path of the OpenAPI 3 document at the service (default: /openapi.json, where there is one)" example:"/api/openapi.json"`
	Methods  []string          `json:"methods" doc:"methods that change or remove and may be sent all the same: PUT, PATCH, DELETE" example:"[PUT]"`
	Canary   string            `json:"canary" doc:"address of this machine that the service can reach, for calls it should not make; off looks for none"`
	Rate     int               `json:"rate" doc:"requests per second at most" min:"1" max:"10000"`
	Requests int               `json:"requests" doc:"requests at most" min:"1" max:"1000000"`
	Pages    int               `json:"pages" doc:"entry points that are visited at most" min:"1" max:"10000"`
	Time     fairlead.Duration `json:"time" doc:"limit of the whole scan"`
	FailOn   string            `json:"fail-on" doc:"lightest severity that makes the step fail" enum:"critical,high,medium,low,none"`
}

// Type is the step type.
func Type() step.Type {
	d := dast.Defaults()
	return step.Type{
		Name: Name, Version: "checks " + version,
		Title:    "look for flaws of a running release",
		Doc:      doc,
		Needs:    step.Needs{Endpoint: true, Confined: true, Memory: 512},
		Produces: []string{fairlead.PredicateScan},
		Config: Config{
			Methods: []string{}, Canary: "127.0.0.1:0", Rate: int(d.Rate), Requests: d.Requests, Pages: d.Pages,
			Time: fairlead.Duration(d.Time), FailOn: "high",
		},
		Run: run,
	}
}

func run(ctx context.Context, in step.In) (step.Out, error) {
	c := step.ConfigOf[Config](in)
	if err := c.check(); err != nil {
		return step.Out{}, err
	}
	if in.Endpoint == "" {
		return step.Out{Outcome: step.Skipped, Reason: "no release is running that could be looked at"}, nil
	}
	base, err := url.Parse(in.Endpoint)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return step.Out{}, problem(fmt.Errorf("%q is not an http address", in.Endpoint))
	}
	client, err := dast.Client(ctx, base)
	if err != nil {
		return step.Out{}, err
	}
	defer client.CloseIdleConnections()
	o := dast.Options{
		Base: base, OpenAPI: c.OpenAPI, Methods: c.Methods, Rate: float64(c.Rate), Requests: c.Requests,
		Time: time.Duration(c.Time), Pages: c.Pages, Seed: in.Key,
	}
	if c.Canary != "off" {
		canary, err := dast.Listen(ctx, c.Canary)
		if err != nil {
			return step.Out{}, err
		}
		defer func() { _ = canary.Close() }()
		o.Canary = canary
	}
	began := time.Now()
	report, err := dast.Scan(ctx, client, o)
	if err != nil {
		return step.Out{}, err
	}
	return conclude(in, c, report, time.Since(began)), nil
}

// conclude says what was found and whether it may pass.
func conclude(in step.In, c Config, report dast.Report, took time.Duration) step.Out {
	out := step.Out{Outcome: step.Done, Findings: report.Findings, Partial: report.Stopped != ""}
	rules, failing := map[string]int{}, 0
	for i := range out.Findings {
		f := &out.Findings[i]
		f.Tool, f.ToolVersion = Name, "checks "+version
		rules[f.Rule]++
		if fails(c.FailOn, f.Severity) {
			failing++
		}
		fmt.Fprintf(in.Output, "%s: %s (%s)\n", f.Severity, f.Message, f.Rule)
	}
	fmt.Fprintf(in.Output, "%d routes, %d requests, %d findings\n", len(report.Routes), report.Requests, len(out.Findings))
	if report.Stopped != "" {
		out.Reason = "ended early by its limit of " + report.Stopped
		fmt.Fprintln(in.Output, out.Reason)
	}
	if failing > 0 {
		out.Outcome, out.Reason = step.Failed, fmt.Sprintf("%d findings of severity %s or heavier", failing, c.FailOn)
	}
	out.Measurements = []fairlead.Measurement{
		{Name: "routes", Value: float64(len(report.Routes)), Unit: "1"},
		{Name: "requests", Value: float64(report.Requests), Unit: "1"},
		{Name: "findings", Value: float64(len(out.Findings)), Unit: "1"},
		{Name: "scan_time", Value: took.Seconds(), Unit: "s"},
	}
	out.Claims = []fairlead.Claim{{PredicateType: fairlead.PredicateScan, Predicate: step.Predicate(predicate{
		Scanner: "fairlead dast checks " + version, Routes: report.Routes, Findings: len(out.Findings), Rules: rules, Stopped: report.Stopped,
	})}}
	return out
}

// predicate is what the claim says about the scan.
type predicate struct {
	Scanner  string         `json:"scanner"`
	Routes   []string       `json:"routes"`
	Findings int            `json:"findings"`
	Rules    map[string]int `json:"rules"` // findings by rule
	Stopped  string         `json:"stopped,omitempty"`
}

// fails tells whether a severity is at least as heavy as the limit.
func fails(limit string, s fairlead.Severity) bool {
	order := []string{"critical", "high", "medium", "low"}
	i := slices.Index(order, limit)
	return i >= 0 && slices.Index(order, string(s)) <= i
}

// check refuses what the schema cannot.
func (c Config) check() error {
	for _, m := range c.Methods {
		if !slices.Contains([]string{"PUT", "PATCH", "DELETE"}, m) {
			return problem(fmt.Errorf("methods: %q is not PUT, PATCH or DELETE", m))
		}
	}
	if c.Time <= 0 {
		return problem(errors.New("time: a scan needs some"))
	}
	if c.OpenAPI != "" && c.OpenAPI[0] != '/' {
		return problem(errors.New("openapi: a path begins with a slash"))
	}
	return nil
}

func problem(err error) error {
	return &fairlead.Problem{Op: "scan service", Kind: fairlead.KindInvalid, Err: err}
}
