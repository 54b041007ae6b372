package pipeline

import (
	"errors"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

// The configs below have the shapes of the real types, so that every rule of
// the decoder is met.
type (
	buildConfig struct {
		Run       string   `json:"run" doc:"command" required:"true"`
		Artifacts []string `json:"artifacts" doc:"what it leaves"`
	}
	testConfig struct {
		Run         string `json:"run" doc:"command" required:"true"`
		Report      string `json:"report" doc:"format" enum:"go-test,junit,tap,none"`
		ReportFile  string `json:"report-file" doc:"where"`
		RetryFailed int    `json:"retry-failed" doc:"tries" min:"0" max:"5"`
	}
	secretsConfig struct {
		Scope string   `json:"scope" doc:"what is scanned" enum:"change,tree"`
		Allow []string `json:"allow" doc:"globs that are not"`
	}
	sbomConfig struct{}
	httpConfig struct {
		Paths    []string          `json:"paths" doc:"what is asked for" required:"true" min:"1"`
		Status   []int             `json:"status" doc:"answers that pass" min:"1"`
		Timeout  fairlead.Duration `json:"timeout" doc:"of one probe" min:"10ms" max:"5m"`
		Insecure bool              `json:"insecure" doc:"accept any certificate"`
	}
	readyConfig struct {
		HTTP     string            `json:"http" doc:"path that answers when ready"`
		Interval fairlead.Duration `json:"interval" doc:"between probes" min:"1ms"`
	}
	processConfig struct {
		Command  []string          `json:"command" doc:"how one replica is started" required:"true" min:"1"`
		Replicas int               `json:"replicas" doc:"how many run" min:"1" max:"64"`
		Listen   string            `json:"listen" doc:"public address"`
		Ready    readyConfig       `json:"ready" doc:"when a replica is ready"`
		Env      map[string]string `json:"env" doc:"what a replica sees" keys:"env"`
	}
)

func testCatalog() Catalog {
	return Catalog{
		Flow: "flow-1",
		Steps: []StepInfo{
			{Name: "build.command", Title: "build", Config: buildConfig{}},
			{Name: "test.command", Title: "test", Config: testConfig{Report: "none", RetryFailed: 1}},
			{Name: "scan.secrets", Title: "secrets", Config: secretsConfig{Scope: "change", Allow: []string{}}},
			{Name: "sbom.source", Title: "bill of materials", Config: sbomConfig{}},
			{Name: "check.http", Title: "probe", NeedsEndpoint: true, Config: httpConfig{
				Paths: []string{"/"}, Status: []int{200}, Timeout: fairlead.Duration(5 * time.Second),
			}},
		},
		Targets: []TargetInfo{
			{Name: "process", Title: "processes on this host", Config: processConfig{Replicas: 2, Listen: "127.0.0.1:8080"}},
		},
		CheckRule: func(rule string) error {
			if strings.Count(rule, "(") != strings.Count(rule, ")") {
				return errors.New("a bracket is not closed")
			}
			return nil
		},
	}
}

// mustRead reads a configuration that is expected to be fine.
func mustRead(t testing.TB, text string) *Config {
	t.Helper()
	src := Source{Name: "fairlead.yaml"}
	if text != "" {
		src.Data = []byte(text)
	}
	cfg, err := Read(src, testCatalog())
	if err != nil {
		t.Fatalf("read:\n%v\n%s", err, text)
	}
	return cfg
}

func push(branch string) fairlead.Event {
	return fairlead.Event{
		Type: fairlead.EventPush, Repository: "shop", Branch: branch,
		Commit: strings.Repeat("ab", 20), Author: "ann@example.com",
		Time:   time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Change: fairlead.Change{Paths: []string{"main.go"}},
	}
}
