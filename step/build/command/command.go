// Package command is the step type build.command: a command that builds, and
// the artifacts it leaves.
package command

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"strings"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/step"
)

//go:embed command.md
var doc string

// Config is what a task of this type is told.
type Config struct {
	Run       string   `json:"run" doc:"script for sh -e that builds the change" required:"true"`
	Artifacts []string `json:"artifacts" doc:"paths or globs of the files it produces, relative to the checkout"`
}

// Type describes the step type.
func Type() step.Type {
	return step.Type{
		Name:     "build.command",
		Title:    "run a command that builds, and keep its artifacts",
		Doc:      doc,
		Needs:    step.Needs{Workspace: true},
		Produces: []string{fairlead.PredicateBuild},
		Config:   Config{Artifacts: []string{}},
		Run:      run,
	}
}

// Bounds of what a failed build leaves in its reason.
const (
	tailBytes = 16 << 10
	tailLines = 12
)

func run(ctx context.Context, in step.In) (step.Out, error) {
	cfg := step.ConfigOf[Config](in)
	if err := checkPatterns(cfg.Artifacts); err != nil {
		return step.Out{}, err
	}
	tail := command.NewTail(tailBytes)
	result, err := command.Run(ctx, command.Spec{
		Shell: cfg.Run, Dir: in.Workspace, Env: in.Env, Hide: in.Hide, ReadOnly: in.ReadOnly, Output: io.MultiWriter(in.Output, tail),
	})
	if err != nil {
		return step.Out{}, err
	}
	if err := result.Interrupted(); err != nil {
		return step.Out{}, err
	}
	out := step.Out{Outcome: step.Done, Measurements: []fairlead.Measurement{
		{Name: "build_seconds", Value: result.Duration.Seconds(), Unit: "s"},
		{Name: "peak_memory", Value: float64(result.Peak), Unit: "By"},
	}}
	if !result.Succeeded() {
		out.Outcome = step.Failed
		out.Reason = command.Redact(strings.TrimSpace(fmt.Sprintf("%s\n%s", result, tail.Lines(tailLines))), in.Secrets)
		return out, nil
	}
	artifacts, missing, err := collect(ctx, in, cfg.Artifacts)
	if err != nil {
		return step.Out{}, err
	}
	if len(missing) > 0 {
		out.Outcome = step.Failed
		out.Reason = "the command succeeded but did not leave what artifacts declares: " + strings.Join(missing, "; ") +
			"; correct the paths, or what the command writes"
		return out, nil
	}
	out.Artifacts = artifacts
	out.Claims = []fairlead.Claim{claim(in, cfg, artifacts, result)}
	return out, nil
}

// predicate is what a build claims about its artifacts.
type predicate struct {
	Task        string   `json:"task"`
	Command     string   `json:"command"`
	Commit      string   `json:"commit"`
	Environment []string `json:"environment"` // names of variables, never values
	Seconds     float64  `json:"seconds"`
}

func claim(in step.In, cfg Config, artifacts []fairlead.Artifact, result command.Result) fairlead.Claim {
	c := fairlead.Claim{PredicateType: fairlead.PredicateBuild, Predicate: step.Predicate(predicate{
		Task: in.Task.ID, Command: command.Redact(cfg.Run, in.Secrets), Commit: in.Event.Commit,
		Environment: names(in.Env), Seconds: result.Duration.Seconds(),
	})}
	for _, a := range artifacts {
		c.Subjects = append(c.Subjects, fairlead.Subject{Name: a.Name, Digest: a.Digest})
	}
	return c
}

// names gives the names of "NAME=value" pairs.
func names(env []string) []string {
	list := make([]string, 0, len(env))
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		list = append(list, name)
	}
	return list
}
