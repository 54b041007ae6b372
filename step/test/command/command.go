// Package command is the step type test.command: a command that tests, and the
// result of every case.
package command

import (
	"context"
	_ "embed"

	"fairlead.dev"
	"fairlead.dev/step"
)

//go:embed command.md
var doc string

// Config is what a task of this type is told.
type Config struct {
	Run         string `json:"run" doc:"script for sh -e that tests the change" required:"true"`
	Report      string `json:"report" doc:"form in which it reports its cases" enum:"go-test,junit,tap,none"`
	ReportFile  string `json:"report-file" doc:"path or glob of the report, relative to the checkout; empty: it is printed"`
	RetryFailed int    `json:"retry-failed" doc:"how many more times it runs when cases failed" min:"0" max:"9"`
}

// The forms of a report.
const (
	reportGoTest = "go-test"
	reportJUnit  = "junit"
	reportTAP    = "tap"
	reportNone   = "none"
)

// Type describes the step type.
func Type() step.Type {
	return step.Type{
		Name:     "test.command",
		Title:    "run a command that tests, and report every case",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true},
		Produces: []string{fairlead.PredicateTest},
		Config:   Config{Report: reportNone, RetryFailed: 1},
		Run:      run,
	}
}

// run tries until no case fails, or the tries are used up.
func run(ctx context.Context, in step.In) (step.Out, error) {
	cfg := step.ConfigOf[Config](in)
	if err := cfg.check(); err != nil {
		return step.Out{}, err
	}
	var tries []try
	for {
		t, err := attempt(ctx, in, cfg)
		if err != nil {
			return step.Out{}, err
		}
		tries = append(tries, t)
		// Only failing cases are worth another try: what does not build or
		// crashes does so again.
		if len(t.failed()) == 0 || len(t.broken) > 0 || len(tries) > cfg.RetryFailed {
			return sum(in, cfg, tries), nil
		}
	}
}
