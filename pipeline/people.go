package pipeline

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"fairlead.dev"
)

// Person is one entry of the section people.
type Person struct {
	Emails   []string `json:"emails" doc:"Addresses under which the person authors, commits or co-authors changes." required:"true" min:"1" pattern:"email" example:"[alice@example.org]"`
	Accounts []string `json:"accounts" doc:"Accounts of the operating system or the forge under which the person starts runs." required:"true" min:"1" pattern:"account" example:"[alice]"`
	Keys     []string `json:"keys" doc:"SSH public keys; whoever has one signs with it." default:"none: the account alone says who it is, which is weaker" example:"['ssh-ed25519 AAAA...']"`
}

// Asked is what all approvals have in common.
type Asked struct {
	From    []string           `json:"from" doc:"People and groups that may approve." pattern:"who" default:"everybody under people" example:"[group:dba, alice]"`
	Expires *fairlead.Duration `json:"expires" doc:"How long it is waited for, and how long an approval counts." min:"1s" max:"720h" default:"24h"`
}

// Approvals is environments.X.approvals.
type Approvals struct {
	Count int `json:"count" doc:"How many different people must approve." required:"true" min:"1" max:"20" example:"2"`
	Asked
}

// Require is the key require of a gate.
type Require struct {
	Approvals int `json:"approvals" doc:"How many different people must approve." required:"true" min:"1" max:"20" example:"2"`
	Asked
}

// Freeze is one entry of the section freezes.
type Freeze struct {
	Name         string            `json:"name" doc:"Name of the freeze." required:"true" pattern:"name" example:"year-end"`
	Environments []string          `json:"environments" doc:"Environments it is for." pattern:"name" default:"all" example:"[production]"`
	From         Moment            `json:"from" doc:"When it begins; with rrule the first occurrence, which gives the others their time of day." default:"since ever; with rrule 2000-01-01" example:"2026-12-20T18:00"`
	To           Moment            `json:"to" doc:"When it ends; a date is the whole day." default:"never" example:"2027-01-03"`
	RRule        string            `json:"rrule" doc:"RFC 5545 rule after which it comes back, daily at most." example:"FREQ=WEEKLY;BYDAY=SA,SU"`
	ExDate       []Moment          `json:"exdate" doc:"Occurrences of rrule that are left out: those that begin on a date, or the one that begins at a time. One that is no occurrence is refused." example:"[2026-12-24]"`
	RDate        []Moment          `json:"rdate" doc:"Occurrences beside those of rrule; a date has their time of day." example:"[2026-12-31]"`
	Duration     fairlead.Duration `json:"duration" doc:"How long each occurrence of rrule lasts; multiples of 24h follow the calendar." min:"1m" max:"8784h" default:"24h" example:"48h"`
	TZ           string            `json:"tz" doc:"Time zone of all its times." default:"UTC" example:"Europe/Berlin"`
	Except       []string          `json:"except" doc:"What may go past it." enum:"break-glass" default:"[break-glass]"`
	Unless       string            `json:"unless" doc:"CEL condition over event, change, environment and strategy; a change for which it holds is not held." example:"event.branch == \"hotfix\""`

	unless *condition
}

// BreakGlass is the section break-glass.
type BreakGlass struct {
	Who      []string           `json:"who" doc:"People and groups that may do it." required:"true" min:"1" pattern:"who" example:"[group:oncall]"`
	Requires []string           `json:"requires" doc:"What must be said." enum:"reason,incident" default:"[reason]"`
	TTL      *fairlead.Duration `json:"ttl" doc:"How long a grant lasts at most." min:"1s" max:"4h" default:"2h"`
	Skips    []string           `json:"skips" doc:"What a grant can go past; slow-tests are the suites of the levels standard and complete, until the commit is live." enum:"approvals,freezes,slow-tests" default:"[approvals, freezes]"`
	Never    []string           `json:"never" doc:"What no grant goes past, whatever skips says; signature and secrets always belong to it." enum:"signature,secrets,approvals,freezes,slow-tests" default:"[signature, secrets]"`
	FollowUp *fairlead.Duration `json:"follow-up" doc:"By when another person must have reviewed it." min:"1m" max:"720h" default:"48h"`
}

// Moment is a wall-clock time, "2026-12-20" or "2026-12-20T18:00". Whether it is
// one is checked with the time zone.
type Moment string

// UnmarshalText takes the text as it is written.
func (m *Moment) UnmarshalText(b []byte) error {
	*m = Moment(b)
	return nil
}

const (
	defaultExpires  = 24 * hour
	defaultTTL      = 2 * hour
	defaultFollowUp = 48 * hour
	hour            = fairlead.Duration(3600e9)
	allApprovals    = "approvals"
)

// finish reports what a gate lacks: it has a rule with its words, or asks people.
func (g *GateRule) finish(d *decoder, n *yaml.Node, key string) {
	if g.Require != nil {
		for name, has := range map[string]bool{
			"rule": g.Rule != "", "outcome": g.Outcome != "", "reason": g.Reason != "", "fix": g.Fix != "", "about": g.About != "",
		} {
			if has {
				d.reportAt(join(key, name), "must not stand beside require", "", "make two gates of it")
			}
		}
		return
	}
	for _, need := range []struct{ name, value, example string }{
		{"name", g.Name, "no-skips"}, {"rule", g.Rule, "tests.skipped == 0"}, {"reason", g.Reason, "tests were skipped"}, {"fix", g.Fix, "run them"},
	} {
		if _, there := d.places[join(key, need.name)]; need.value == "" && !there && !merges(n) {
			d.report(n, join(key, need.name), "is required", "", "for example "+need.name+": "+need.example)
		} else if need.value == "" && there {
			d.reportAt(join(key, need.name), "must not be empty", "", "for example "+need.name+": "+need.example)
		}
	}
}

// isGroup gives the group's name when a word of a list of people means one.
func isGroup(word string) (string, bool) { return strings.CutPrefix(word, "group:") }
