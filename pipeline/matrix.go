package pipeline

import (
	"slices"
	"strings"

	"fairlead.dev"
)

// Environments that the built-in matrix knows.
const (
	envProduction = "production"
	envStaging    = "staging"
	envDev        = "dev"
	envAll        = "all" // of a schedule: everything that is deployed
)

// row is one row of the built-in matrix.
type row struct {
	event       string // for people: "push to main"
	environment string
	profile     fairlead.Profile
}

// matrix is the built-in matrix. A manual event has no row of its own: it
// takes that of the environment that was chosen.
func matrix() []row {
	return []row{
		{"push to main", envProduction, fairlead.Profile{
			Security: "full", Deployment: fairlead.StrategyBlueGreen, Tests: "complete",
			Monitoring: "full", Cost: "optimized", Compliance: "all",
		}},
		{"push to develop", envStaging, fairlead.Profile{
			Security: "full", Deployment: fairlead.StrategyCanary, Tests: "standard",
			Monitoring: "standard", Cost: "monitored", Compliance: "core",
		}},
		{"push to feature/*", envDev, fairlead.Profile{
			Security: "basic", Deployment: fairlead.StrategyRolling, Tests: "fast",
			Monitoring: "basic", Cost: "tracked", Compliance: "basic",
		}},
		{"schedule", envAll, fairlead.Profile{
			Security: "scan", Deployment: fairlead.StrategyNone, Tests: "health",
			Monitoring: "drift", Cost: "analysis", Compliance: "audit",
		}},
	}
}

// rowFor gives the row of an environment. One that the matrix does not know
// takes production's, the strictest; the configuration may lighten it.
func rowFor(environment string) (row, bool) {
	rows := matrix()
	for _, r := range rows {
		if r.environment == environment {
			return r, true
		}
	}
	return rows[0], false
}

// EnvironmentNames lists every environment that a change can be for, sorted: the
// configured ones and those of the matrix.
func (c *Config) EnvironmentNames() []string {
	names := []string{envProduction, envStaging, envDev}
	for name := range c.Environments {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// knowsEnvironment tells whether a change can be for the environment: one that
// is configured or one of the matrix.
func (c *Config) knowsEnvironment(name string) bool {
	return slices.Contains(c.EnvironmentNames(), name)
}

// cell is one column of the matrix, with how the configuration overrides it.
type cell struct {
	column   string
	value    *string
	override string
}

// override lays an environment's cells over the matrix row and explains each.
func (p *planner) override(r row, inMatrix bool) fairlead.Profile {
	profile := r.profile
	env := p.cfg.Environments[p.environment]
	source := "row of " + r.environment + " (" + r.event + ")"
	if !inMatrix {
		source = "the matrix has no row for " + p.environment + "; it takes production's, the strictest"
	}
	for _, c := range []cell{
		{"security", &profile.Security, env.Security},
		{"tests", &profile.Tests, env.Tests},
		{"monitoring", &profile.Monitoring, env.Monitoring},
		{"cost", &profile.Cost, env.Cost},
		{"compliance", &profile.Compliance, env.Compliance},
	} {
		if c.override == "" {
			p.because("profile "+c.column, *c.value, "matrix", source)
			continue
		}
		detail := p.cfg.at("environments." + p.environment + "." + c.column)
		p.because("profile "+c.column, c.override, "config", detail+" (the matrix says "+*c.value+")")
		*c.value = c.override
	}
	return profile
}

// levels lists the test levels that a tests cell includes.
func levels(tests string) []string {
	all := []string{"fast", "standard", "complete"}
	if i := slices.Index(all, tests); i >= 0 {
		return all[:i+1]
	}
	return nil
}

// isTrunk tells whether a branch is the one that production is released from.
func isTrunk(branch string) bool { return branch == "main" || branch == "master" }

// isFeature tells whether a branch is short-lived work on one thing.
func isFeature(branch string) bool { return strings.HasPrefix(branch, "feature/") }
