// Package record reads the record back: what happened in a run, why something
// came about, and what is live where. It writes nothing.
package record

import (
	"encoding/json"
	"fmt"
	"strings"

	"fairlead.dev"
)

// Sentence says in words what a record states; "" for one that adds nothing
// for a reader.
func Sentence(r fairlead.Record) string {
	text := sentence(r)
	if service := serviceOf(r.Subject); service != "" && text != "" {
		text = service + ": " + text
	}
	return text
}

// serviceOf gives the service that a deployment, or something of it, is of when
// it is one of several: "RUN/SERVICE/deployment", or ".../rollback".
func serviceOf(subject string) string {
	parts := strings.Split(subject, "/")
	if len(parts) > 2 && parts[1] != "deployment" && (parts[2] == "deployment" || parts[2] == "rollback") {
		return parts[1]
	}
	return ""
}

func sentence(r fairlead.Record) string {
	switch r.Type {
	case fairlead.RecordRunQueued:
		return ""
	case fairlead.RecordRunStarted:
		return about(r, func(run fairlead.Run) string {
			text := fmt.Sprintf("%s %s %s", run.Service, short(run.Commit), goal(run.Environment, run.Strategy))
			if p := run.Promotion; p != nil {
				text += fmt.Sprintf(", promoted from %s: %s of run %s", p.From, p.Words(), p.Run)
			}
			return text
		})
	case fairlead.RecordRunFinished:
		return about(r, func(run fairlead.Run) string { return fmt.Sprintf("run ends with %s", run.Result) })
	case fairlead.RecordRunInLine:
		return about(r, func(t fairlead.Turn) string { return strings.Join(WaitLines(t), "; ") })
	case fairlead.RecordRunSuperseded:
		return about(r, func(run fairlead.Run) string { return "run " + run.Superseded + " goes instead" })
	case fairlead.RecordTaskStarted, fairlead.RecordTaskFinished:
		return about(r, func(t taskFact) string { return t.sentence(r) })
	case fairlead.RecordDecision:
		return about(r, decisionSentence)
	case fairlead.RecordVerdict:
		return about(r, verdictSentence)
	case fairlead.RecordRollbackStarted:
		return about(r, func(b rollbackFact) string { return b.sentence() })
	case fairlead.RecordRollbackFinished:
		return about(r, func(b rollbackFact) string { return b.Reason })
	case fairlead.RecordCancelRequested:
		return about(r, cancelFact.sentence)
	case fairlead.RecordEvidenceRevoked:
		return about(r, func(v fairlead.Revocation) string {
			return fmt.Sprintf("evidence %s of %s is revoked by %s: %s", v.Evidence.Short(), v.TaskID, v.Who, v.Reason)
		})
	case fairlead.RecordRunWaiting, fairlead.RecordRunGoesOn:
		return about(r, waitFact.sentence)
	case fairlead.RecordApproval, fairlead.RecordRejection:
		return about(r, approvalSentence)
	case fairlead.RecordFreezeAdded, fairlead.RecordFreezeLifted:
		return about(r, freezeSentence)
	case fairlead.RecordGlassBroken:
		return about(r, grantSentence)
	case fairlead.RecordGlassUsed:
		return about(r, usedFact.sentence)
	case fairlead.RecordGlassReviewed:
		return about(r, reviewSentence)
	case fairlead.RecordExceptionAsked, fairlead.RecordExceptionGiven, fairlead.RecordExceptionRevoked:
		return about(r, func(x fairlead.Exception) string { return exceptionSentence(r.Type, x) })
	case fairlead.RecordReleaseAffected, fairlead.RecordReleaseCleared:
		return about(r, func(x exposureFact) string { return x.sentence(r.Type) })
	case fairlead.RecordReleaseRedecided:
		return about(r, func(f flipFact) string { return f.sentence() })
	case fairlead.RecordFindingsChanged:
		return about(r, func(n findingsFact) string {
			return fmt.Sprintf("findings here: %d, changed by this run: %d", n.Findings, n.Changed)
		})
	default:
		return about(r, func(d deployFact) string { return d.sentence(r.Type) })
	}
}

// about decodes a record's data and says it. Data that cannot be read, as from
// a later version, leaves the type's name.
func about[T any](r fairlead.Record, say func(T) string) string {
	var v T
	if err := json.Unmarshal(r.Data, &v); err != nil {
		return string(r.Type)
	}
	return say(v)
}

// goal says where a change is to go.
func goal(environment string, by fairlead.Strategy) string {
	switch {
	case environment == "":
		return "for no environment, nothing to release"
	case by == fairlead.StrategyNone || by == "":
		return "for " + environment + ", nothing to release"
	default:
		return "to " + environment + " by " + string(by)
	}
}

func orNowhere(environment string) string {
	if environment == "" {
		return "no environment"
	}
	return environment
}

func short(commit string) string { return commit[:min(len(commit), 10)] }

// taskFact is what a task's records carry.
type taskFact struct {
	Type       string          `json:"type"`
	Attempt    int             `json:"attempt"`
	Result     fairlead.Result `json:"result"`
	Reason     string          `json:"reason"`
	Attempts   int             `json:"attempts"`
	ReusedFrom string          `json:"reused_from"`
	Promoted   bool            `json:"promoted"`
	Again      string          `json:"again"`
	Seconds    float64         `json:"seconds"`
	Artifacts  int             `json:"artifacts"`
	Cases      int             `json:"cases"`
	Findings   int             `json:"findings"`
}

func (t taskFact) sentence(r fairlead.Record) string {
	name := strings.TrimPrefix(r.Subject, r.RunID+"/")
	if r.Type == fairlead.RecordTaskStarted {
		if t.Attempt > 1 {
			return fmt.Sprintf("%s starts, attempt %d", name, t.Attempt)
		}
		return name + " starts"
	}
	parts := []string{fmt.Sprintf("%s %s", name, t.Result)}
	switch {
	case t.Promoted:
		parts = append(parts, "taken over from run "+t.ReusedFrom)
	case t.ReusedFrom != "":
		parts = append(parts, "nothing it reads has changed: result of "+t.ReusedFrom)
	case t.Seconds > 0:
		parts = append(parts, fmt.Sprintf("%.1fs", t.Seconds))
	}
	for _, c := range []struct {
		n    int
		what string
	}{{t.Cases, "case"}, {t.Artifacts, "artifact"}, {t.Findings, "finding"}} {
		if c.n > 0 {
			parts = append(parts, count(c.n, c.what))
		}
	}
	if t.Attempts > 1 {
		parts = append(parts, fmt.Sprintf("%d attempts", t.Attempts))
	}
	if t.Again != "" {
		parts = append(parts, "asked for again: "+firstLine(t.Again))
	}
	if t.Reason != "" && t.Result != fairlead.ResultSuccess {
		parts = append(parts, firstLine(t.Reason))
	}
	return strings.Join(parts, ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func firstLine(s string) string {
	line, rest, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if rest != "" {
		line += " ..."
	}
	return line
}

func decisionSentence(d fairlead.Decision) string {
	allowed := 0
	var against []string
	for _, r := range d.Rules {
		if r.Outcome == fairlead.OutcomeAllow {
			allowed++
			continue
		}
		against = append(against, fmt.Sprintf("%s: %s (%s)", r.Outcome, r.Name, firstLine(r.Reason)))
	}
	text := fmt.Sprintf("decision: %s, %d of %d rules hold", d.Outcome, allowed, len(d.Rules))
	if len(against) > 0 {
		text += "; " + strings.Join(against, "; ")
	}
	return text
}

func verdictSentence(v fairlead.Verdict) string {
	return fmt.Sprintf("verdict: %s at %s: %s", strings.ReplaceAll(string(v.Answer), "_", " "), v.Stage, v.Reason)
}

// cancelFact is what a request to stop carries.
type cancelFact struct {
	Who    string `json:"who"`
	Reason string `json:"reason"`
}

func (c cancelFact) sentence() string {
	if c.Who == "" {
		c.Who = "somebody"
	}
	text := c.Who + " asks for the run to stop"
	if c.Reason != "" {
		text += ": " + firstLine(c.Reason)
	}
	return text
}

// rollbackFact is what a rollback's records carry.
type rollbackFact struct {
	To     fairlead.Digest `json:"to"`
	Turned bool            `json:"turned"`
	Reason string          `json:"reason"`
}

func (b rollbackFact) sentence() string {
	switch {
	case b.To == "":
		return "rollback: stopping the release, nothing ran before it"
	case b.Turned:
		return "rollback: all traffic is back on release " + b.To.Short()
	default:
		return "rollback: bringing up release " + b.To.Short()
	}
}

// deployFact is what a deployment's records carry.
type deployFact struct {
	Phase   fairlead.DeployPhase `json:"phase"`
	Release fairlead.Digest      `json:"release"`
	Weight  int                  `json:"weight"`
	Split   string               `json:"split"`
	Reason  string               `json:"reason"`
}

func (d deployFact) sentence(typ fairlead.RecordType) string {
	switch {
	case typ == fairlead.RecordDeploymentBegan:
		return "release " + d.Release.Short() + " is delivered and started"
	case typ == fairlead.RecordServiceDeployed:
		return "release " + d.Release.Short() + " is live"
	case typ == fairlead.RecordDeploymentEnded:
		return "release " + d.Release.Short() + " is not released: " + firstLine(d.Reason)
	case d.Phase == fairlead.DeployPrepare && d.Reason != "":
		return firstLine(d.Reason)
	}
	text := fmt.Sprintf("%d%% of traffic to release %s", d.Weight, d.Release.Short())
	if d.Phase == fairlead.DeployBake {
		text = fmt.Sprintf("bake at %d%% of traffic", d.Weight)
	}
	if d.Split != "" {
		text += ", " + d.Split
	}
	return text
}
