package pipeline

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

// targetKeys are the keys of a target's config that the plan itself reads.
type targetKeys struct {
	Command  []string          `json:"command"`
	Env      map[string]string `json:"env"`
	Replicas int               `json:"replicas"`
	Listen   string            `json:"listen"`
	Ready    struct {
		HTTP string `json:"http"`
	} `json:"ready"`
}

// readTarget reads those keys. A target that has none of them, or gives them
// another shape, leaves them empty.
func readTarget(config json.RawMessage) targetKeys {
	var k targetKeys
	if err := json.Unmarshal(config, &k); err != nil {
		return targetKeys{}
	}
	return k
}

// planRelease says how the release is made, or why there is none.
func (p *planner) planRelease() error {
	if p.strategy == fairlead.StrategyNone {
		return nil
	}
	if len(p.cfg.Services) > 0 {
		return p.planServices()
	}
	target, err := p.target()
	if err != nil {
		return err
	}
	if target.Type == "" {
		p.strategy = fairlead.StrategyNone
		p.because("strategy", "none", "default", "nothing tells how to start "+p.service+" in "+p.environment+p.found.missing()+
			"; add environments."+p.environment+".target, for example {process: {command: [bin/"+p.service+"]}}")
		return nil
	}
	return p.planOne(target, "environments."+p.environment+".target", nil)
}

// planOne says how one service is released to a target, which is configured
// under key: which artifacts, all of the build's when none are named, and how.
func (p *planner) planOne(target TargetConfig, key string, artifacts []string) error {
	keys := readTarget(target.Config)
	r := &fairlead.ReleasePlan{
		Target: target.Type, Config: target.Config, Command: keys.Command, Env: keys.Env,
		Replicas: max(1, keys.Replicas), Artifacts: []string{},
	}
	if b, _, _ := p.build(); b != nil && len(b.Artifacts) > 0 {
		r.Artifacts = slices.Clone(b.Artifacts)
	}
	if len(artifacts) > 0 {
		r.Artifacts = slices.Clone(artifacts)
	}
	p.release = r
	p.deploy()
	info, ok := p.cat.target(target.Type)
	if !ok || info.Foresee == nil {
		return nil
	}
	notes, err := info.Foresee(r.Config, r.Steps)
	for _, note := range notes {
		p.because("target "+target.Type, note, "config", p.cfg.at(key))
	}
	return err
}

// target is the environment's configured target or, where the environment may
// be used without being configured, the process target with what is known
// about how to start the service.
func (p *planner) target() (TargetConfig, error) {
	env, listed := p.cfg.Environments[p.environment]
	if env.Target.Type != "" {
		p.because("target", env.Target.Type, "config", p.cfg.at("environments."+p.environment+".target"))
		return env.Target, nil
	}
	if !listed && len(p.cfg.Environments) > 0 {
		return TargetConfig{}, nil
	}
	command, source, detail := p.start()
	info, ok := p.cat.target(targetProcess)
	if len(command) == 0 || !ok {
		return TargetConfig{}, nil
	}
	keys := map[string]any{"command": command}
	if listen := p.listen(info); listen != "" {
		keys["listen"] = listen
		detail += "; listens on " + listen
	}
	config, err := complete("target "+targetProcess, info.Config, keys)
	p.because("target", targetProcess, source, strings.Join(command, " ")+": "+detail)
	return TargetConfig{Type: targetProcess, Config: config}, err
}

// start is the command that starts one replica when none is configured.
func (p *planner) start() (command []string, source, detail string) {
	if b := p.cfg.Build; b != nil {
		if len(b.Artifacts) == 1 && !strings.ContainsAny(b.Artifacts[0], "*?[{") {
			return b.Artifacts, "default", "the build's only artifact, " + p.cfg.at("build.artifacts")
		}
		return nil, "", ""
	}
	return p.found.command, "detected", p.found.language + " by " + p.found.by
}

// listen gives each of the matrix's environments an address of its own, so
// that all of them can run on one machine. Production keeps the target's
// default.
func (p *planner) listen(info TargetInfo) string {
	port := map[string]string{envStaging: "8081", envDev: "8082"}[p.environment]
	if port == "" {
		return ""
	}
	for _, f := range fieldsOf(reflect.TypeOf(info.Config)) {
		if f.name == "listen" {
			return "127.0.0.1:" + port
		}
	}
	return ""
}

// Defaults of a release.
const (
	defaultReady  = fairlead.Duration(2 * time.Minute)
	defaultHold   = fairlead.Duration(2 * time.Minute)
	defaultBake   = fairlead.Duration(10 * time.Minute)
	defaultKeep   = fairlead.Duration(10 * time.Minute)
	defaultMargin = fairlead.Duration(10 * time.Minute) // of the deadline, beside all waits
)

// deploy fills in how the release moves: stages, bake, judge and deadlines.
func (p *planner) deploy() {
	r, key := p.release, "deploy."+string(p.strategy)
	c := chooser{p: p, key: key}
	judged := p.judged()
	r.Ready = choose(c, "ready", judged.Ready, defaultReady, "")
	r.Bake = choose(c, "bake", judged.Bake, p.when("full", defaultBake), p.monitoring())
	waits, looks := r.Ready+r.Bake, 1 // looks: how often the judge may be undecided
	switch p.strategy {
	case fairlead.StrategyCanary:
		r.Steps = p.stages(c)
	case fairlead.StrategyBlueGreen:
		s := p.cfg.Deploy.BlueGreen
		wait := choose(c, "for", s.For, p.when("standard,full", fairlead.Duration(2*time.Minute)), p.monitoring())
		r.Steps = []fairlead.Stage{{Weight: 100, For: wait}}
		r.KeepOld = choose(c, "keep-old", s.KeepOld, max(0, defaultKeep-r.Bake), "the bake keeps it as well")
		waits += r.KeepOld
	default:
		wait := choose(c, "for", p.cfg.Deploy.Rolling.For, p.when("standard,full", fairlead.Duration(time.Minute)), p.monitoring())
		r.Steps = []fairlead.Stage{{Weight: 100, For: wait}}
		waits += wait * fairlead.Duration(r.Replicas-1) // one wait for each replica
		looks += r.Replicas - 1
	}
	for _, s := range r.Steps {
		waits += s.For
		looks++
	}
	r.Judge = p.judge(c, judged, waits-r.Ready-r.KeepOld)
	r.Metrics = p.metricsServer(r.Judge)
	if r.Judge.Undecided == fairlead.UndecidedHold {
		waits += r.Judge.Hold * fairlead.Duration(looks)
	}
	r.Deadline = choose(c, "deadline", judged.Deadline, waits+defaultMargin, "the sum of all waits and "+defaultMargin.String())
}

// stages are the canary's.
func (p *planner) stages(c chooser) []fairlead.Stage {
	steps := p.cfg.Deploy.Canary.Steps
	stages := make([]fairlead.Stage, len(steps))
	for i, s := range steps {
		stages[i] = fairlead.Stage(s)
	}
	source := "config"
	if len(steps) == 0 {
		source = "default"
		stages = []fairlead.Stage{
			{Weight: 5, For: fairlead.Duration(2 * time.Minute)},
			{Weight: 25, For: fairlead.Duration(2 * time.Minute)},
			{Weight: 50, For: fairlead.Duration(5 * time.Minute)},
		}
	}
	words := make([]string, len(stages))
	for i, s := range stages {
		words[i] = fmt.Sprintf("%d%% for %s", s.Weight, s.For)
	}
	c.because("steps", strings.Join(words, ", "), source, "")
	return stages
}

// judged are the keys that all strategies share.
func (p *planner) judged() Judged {
	switch p.strategy {
	case fairlead.StrategyCanary:
		return p.cfg.Deploy.Canary.Judged
	case fairlead.StrategyBlueGreen:
		return p.cfg.Deploy.BlueGreen.Judged
	default:
		return p.cfg.Deploy.Rolling.Judged
	}
}

// metrics tells whether a release is judged by its traffic, not only by its
// readiness.
func (p *planner) metrics() bool {
	return p.profile.Monitoring == "standard" || p.profile.Monitoring == "full"
}

// when gives d where the monitoring cell is one of those listed, otherwise 0.
func (p *planner) when(cells string, d fairlead.Duration) fairlead.Duration {
	if slices.Contains(strings.Split(cells, ","), p.profile.Monitoring) {
		return d
	}
	return 0
}

func (p *planner) monitoring() string { return "monitoring: " + p.profile.Monitoring }

// chooser explains the keys of one strategy.
type chooser struct {
	p   *planner
	key string // "deploy.canary"
}

func (c chooser) because(name, choice, source, detail string) {
	if source == "config" {
		detail = c.p.cfg.at(c.key + "." + name)
	}
	if detail == "" {
		detail = c.key + "." + name
	}
	c.p.because("deploy "+name, choice, source, detail)
}

// choose takes the configured value or else the default, and explains it.
func choose[T any](c chooser, name string, configured *T, otherwise T, why string) T {
	value, source := otherwise, "default"
	if configured != nil {
		value, source = *configured, "config"
	}
	c.because(name, fmt.Sprint(value), source, why)
	return value
}
