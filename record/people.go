package record

import (
	"context"
	"fmt"
	"strings"
	"time"

	"fairlead.dev"
)

// waitFact is what the records of a waiting run carry.
type waitFact struct {
	Waiting *fairlead.Waiting `json:"waiting"`
	Over    string            `json:"over"`
}

func (w waitFact) sentence() string {
	switch {
	case w.Waiting != nil:
		return "waiting: " + w.Waiting.Text
	case w.Over != "":
		return "waiting is over: " + firstLine(w.Over)
	default:
		return "nothing holds it any more"
	}
}

func approvalSentence(a fairlead.Approval) string {
	text := a.Person + " approves"
	if a.Vote == fairlead.VoteReject {
		text = a.Person + " rejects"
	}
	if a.Question != fairlead.QuestionRelease {
		text += " (" + a.Question + ")"
	}
	if a.Reason != "" {
		text += ": " + firstLine(a.Reason)
	}
	return text
}

func freezeSentence(f fairlead.StandingFreeze) string {
	where := "everywhere"
	if len(f.Environments) > 0 {
		where = "in " + strings.Join(f.Environments, ", ")
	}
	if !f.LiftedAt.IsZero() {
		return fmt.Sprintf("%s lifts the freeze %s: %s", f.LiftedBy, f.ID, firstLine(f.LiftReason))
	}
	return fmt.Sprintf("%s freezes releases %s (%s): %s", f.AddedBy, where, f.ID, firstLine(f.Reason))
}

func grantSentence(g fairlead.Grant) string {
	text := fmt.Sprintf("BREAK-GLASS %s: %s may go past %s with %s in %s until %s: %s", g.ID, g.Person, strings.Join(g.Skips, ", "),
		short(g.Commit), g.Environment, g.Expires.UTC().Format(time.RFC3339), firstLine(g.Reason))
	if g.Incident != "" {
		text += " (" + g.Incident + ")"
	}
	return text
}

func reviewSentence(g fairlead.Grant) string {
	if g.Review == nil {
		return grantSentence(g)
	}
	return fmt.Sprintf("break-glass %s is reviewed by %s: %s", g.ID, g.Review.Person, firstLine(g.Review.Reason))
}

// usedFact is what the record of a used grant carries.
type usedFact struct {
	Grant string   `json:"grant"`
	Rules []string `json:"rules"`
}

func (u usedFact) sentence() string {
	return fmt.Sprintf("BREAK-GLASS %s: goes past %s; another person has to review it: `fairlead break-glass review %s`",
		u.Grant, strings.Join(u.Rules, ", "), u.Grant)
}

// waitingLines says which runs wait, for what, and who must do what.
func waitingLines(runs []fairlead.Run) []string {
	var lines []string
	for _, r := range runs {
		if w := r.Waiting; w != nil {
			what := "waits for people: "
			if !w.Human {
				what = "waits for time to pass: "
			}
			lines = append(lines, "", r.ID+" to "+orNowhere(r.Environment)+" "+what+w.Text)
			if w.Human {
				lines = append(lines, "  `fairlead approve "+r.ID+"` or `fairlead reject "+r.ID+" --reason ...`")
			}
		}
	}
	return lines
}

// peopleSaid lists what a run waits for, and what people said in it.
func peopleSaid(ctx context.Context, r Facts, run fairlead.Run) ([]Explanation, error) {
	var out []Explanation
	if run.Waiting != nil {
		out = append(out, Explanation{Subject: "waiting", Headline: run.Waiting.Text, Fix: waitingFix(run)})
	}
	found, err := r.Records(ctx, fairlead.RecordFilter{RunID: run.ID, Types: []fairlead.RecordType{
		fairlead.RecordApproval, fairlead.RecordRejection, fairlead.RecordGlassUsed,
	}})
	for _, rec := range found {
		out = append(out, Explanation{Subject: subjectOf(rec), Headline: Sentence(rec) + " at " + rec.Time.Format("2006-01-02 15:04:05Z07:00")})
	}
	return out, err
}

func subjectOf(r fairlead.Record) string {
	if r.Type == fairlead.RecordGlassUsed {
		return "break-glass"
	}
	return "approval"
}

func waitingFix(run fairlead.Run) string {
	if run.Waiting.Human {
		return "one of them: `fairlead approve " + run.ID + "`"
	}
	return "it goes on by itself under `fairlead serve`; without one, `fairlead resume " + run.ID + "` then"
}
