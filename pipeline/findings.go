package pipeline

import (
	"time"

	"fairlead.dev"
)

// Exceptions is the section exceptions.
type Exceptions struct {
	From    []string           `json:"from" doc:"People and groups whose approval an exception needs; never the one who asked." default:"everybody in people" example:"[group:dba]"`
	Count   int                `json:"count" doc:"How many of them must approve." min:"1" max:"10" default:"1"`
	Longest *fairlead.Duration `json:"longest" doc:"Longest an exception may last." min:"1s" max:"8760h" default:"2160h"`
}

// Findings is the section findings.
type Findings struct {
	Unscanned string `json:"unscanned" doc:"What follows when a scanner was skipped, as without a database of vulnerabilities, or could not look at everything. It warns until somebody says deny: before there is a database, denying would only teach to take the scanner out." enum:"deny,warn" default:"warn"`
	Due       Due    `json:"due" doc:"How long a finding may stay before its time has run out, which is a gate's business."`
}

// Due is findings.due.
type Due struct {
	Critical  *fairlead.Duration `json:"critical" doc:"Critical severity." min:"1s" max:"8760h" default:"24h"`
	High      *fairlead.Duration `json:"high" doc:"High severity, and severity that is not known." min:"1s" max:"8760h" default:"168h"`
	Medium    *fairlead.Duration `json:"medium" doc:"Medium severity." min:"1s" max:"8760h" default:"720h"`
	Low       *fairlead.Duration `json:"low" doc:"Low severity, and whatever is proven to be out of reach." min:"1s" max:"8760h" default:"2160h"`
	Exploited *fairlead.Duration `json:"exploited" doc:"Known to be exploited and not proven out of reach, from when that is known." min:"1s" max:"8760h" default:"24h"`
}

// defaultLongest is how long an exception may last when nothing is said.
const defaultLongest = fairlead.Duration(90 * 24 * time.Hour)

// noun is the policy as a plan has it, with its defaults; nil stays nil.
func (x *Exceptions) noun() *fairlead.ExceptionPolicy {
	if x == nil {
		return nil
	}
	n := &fairlead.ExceptionPolicy{From: x.From, Count: max(1, x.Count), Longest: defaultLongest}
	if x.Longest != nil {
		n.Longest = *x.Longest
	}
	return n
}

// noun is the clock as a plan has it; nil when nothing is said of it.
func (d Due) noun() *fairlead.Clock {
	if d == (Due{}) {
		return nil
	}
	c := fairlead.DefaultClock()
	for _, set := range []struct {
		to   *fairlead.Duration
		from *fairlead.Duration
	}{{&c.Critical, d.Critical}, {&c.High, d.High}, {&c.Medium, d.Medium}, {&c.Low, d.Low}, {&c.Exploited, d.Exploited}} {
		if set.from != nil {
			*set.to = *set.from
		}
	}
	return &c
}

// checkExceptions reports a policy that nobody can satisfy.
func (d *decoder) checkExceptions(cfg *Config) {
	x := cfg.Exceptions
	if x == nil {
		return
	}
	d.checkWho(cfg, "exceptions.from", x.From)
	if n := len(cfg.members(x.From)); len(x.From) > 0 && n < max(1, x.Count) {
		d.reportAt("exceptions.from", "must name at least as many people as count", "", "")
	}
}
