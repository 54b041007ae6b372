package record

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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
	return fmt.Sprintf("%s freezes releases %s%s (%s): %s", f.AddedBy, where, freezeTimes(f.Freeze), f.ID, firstLine(f.Reason))
}

// freezeTimes says when a freeze holds, on the clock of its zone; "" when it
// holds from when it was added until it is lifted.
func freezeTimes(f fairlead.Freeze) string {
	var text string
	if f.RRule != "" {
		text = " by the rule " + f.RRule
		if f.Duration != 0 {
			text += " for " + f.Duration.String()
		}
		if len(f.ExDate) > 0 {
			text += " except " + strings.Join(f.ExDate, ", ")
		}
		if len(f.RDate) > 0 {
			text += " and on " + strings.Join(f.RDate, ", ")
		}
	}
	if f.From != "" {
		text += " from " + f.From
	}
	if f.To != "" {
		text += " to " + f.To
	}
	if text != "" {
		text += " " + cmp.Or(f.TZ, "UTC")
	}
	return text
}

func grantSentence(g fairlead.Grant) string { return grantWords(g, "may go past") }

// grantWords says what somebody may go past, or could.
func grantWords(g fairlead.Grant, may string) string {
	text := fmt.Sprintf("BREAK-GLASS %s: %s %s %s with %s in %s until %s: %s", g.ID, g.Person, may, strings.Join(g.Skips, ", "),
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

// uncounted gives the approvals of people that runs still wait for, by what they
// know: a vote counts when a process goes on with the run, and until then nobody
// needs to ask for it again.
func uncounted(ctx context.Context, r Overview, runs []fairlead.Run) ([]fairlead.Approval, error) {
	all := []fairlead.Approval{}
	for _, run := range runs {
		w := run.Waiting
		if w == nil || !w.Human {
			continue
		}
		votes, err := r.Approvals(ctx, run.ID)
		if err != nil {
			return nil, err
		}
		for _, v := range votes {
			asked := slices.ContainsFunc(w.Needs, func(n fairlead.Need) bool { return slices.Contains(n.From, v.Person) })
			if asked && v.Question == w.Question && !v.Time.Before(w.Since) {
				all = append(all, v)
			}
		}
	}
	return all, nil
}

// waitingLines says which runs wait, for what, and who must do what.
func waitingLines(runs []fairlead.Run, votes []fairlead.Approval) []string {
	var lines []string
	for _, r := range runs {
		if w := r.Waiting; w != nil {
			what := "waits for people: "
			if !w.Human {
				what = "waits for time to pass: "
			}
			lines = append(lines, "", r.ID+" to "+orNowhere(r.Environment)+" "+what+w.Text)
			for _, v := range votes {
				if v.RunID == r.ID {
					lines = append(lines, "  since then "+approvalSentence(v)+"; it counts when the run goes on")
				}
			}
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

// People is what people decided that still stands.
type People struct {
	Freezes   []fairlead.StandingFreeze `json:"freezes"`    // that were not lifted
	FollowUps []fairlead.Grant          `json:"follow_ups"` // broken glass that nobody has reviewed
	at        time.Time
}

// Decisions is what ReadPeople reads.
type Decisions interface {
	Freezes(ctx context.Context, all bool) ([]fairlead.StandingFreeze, error)
	Grants(ctx context.Context, environment, service, commit string) ([]fairlead.Grant, error)
}

// ReadPeople reads what people decided that still stands.
func ReadPeople(ctx context.Context, r Decisions, now time.Time) (People, error) {
	p := People{Freezes: []fairlead.StandingFreeze{}, FollowUps: []fairlead.Grant{}, at: now}
	freezes, err := r.Freezes(ctx, false)
	if err != nil {
		return p, err
	}
	grants, err := r.Grants(ctx, "", "", "")
	p.Freezes = append(p.Freezes, freezes...)
	p.FollowUps = append(p.FollowUps, Open(grants)...)
	return p, err
}

// In leaves what is about one environment.
func (p People) In(environment string) People {
	out := People{Freezes: []fairlead.StandingFreeze{}, FollowUps: []fairlead.Grant{}, at: p.at}
	for _, f := range p.Freezes {
		if len(f.Environments) == 0 || slices.Contains(f.Environments, environment) {
			out.Freezes = append(out.Freezes, f)
		}
	}
	for _, g := range p.FollowUps {
		if g.Environment == environment {
			out.FollowUps = append(out.FollowUps, g)
		}
	}
	return out
}

// Lines renders it for people, loudly; nothing when nothing stands.
func (p People) Lines() []string {
	var lines []string
	if len(p.FollowUps) > 0 {
		lines = append(lines, GrantLines(p.FollowUps, p.at)...)
	}
	for _, f := range p.Freezes {
		lines = append(lines, "FREEZE "+freezeSentence(f))
	}
	if len(lines) > 0 {
		lines = append(lines, "")
	}
	return lines
}

// Open gives the grants whose follow-up is still to be done.
func Open(grants []fairlead.Grant) []fairlead.Grant {
	return slices.DeleteFunc(slices.Clone(grants), func(g fairlead.Grant) bool { return !g.Open() })
}

// GrantLines renders grants with their follow-ups.
func GrantLines(grants []fairlead.Grant, now time.Time) []string {
	if len(grants) == 0 {
		return []string{"no glass is broken"}
	}
	var lines []string
	for _, g := range grants {
		may := "may go past"
		if !g.Open() || !now.Before(g.Expires) {
			may = "could go past"
		}
		lines = append(lines, grantWords(g, may), "  "+followUp(g, now))
		if len(g.Owed) > 0 && g.Open() {
			lines = append(lines, "  SLOW TESTS "+strings.Join(g.Owed, ", ")+" were skipped with it: run the commit again, which runs them")
		}
	}
	return lines
}

// followUp says how the follow-up of a grant stands.
func followUp(g fairlead.Grant, now time.Time) string {
	switch {
	case !g.Open():
		return fmt.Sprintf("reviewed by %s at %s: %s", g.Review.Person, stamp(g.Review.Time), firstLine(g.Review.Reason))
	case now.After(g.Due):
		return fmt.Sprintf("REVIEW OVERDUE since %s: `fairlead break-glass review %s`", stamp(g.Due.UTC()), g.ID)
	default:
		return fmt.Sprintf("to be reviewed by another person until %s: `fairlead break-glass review %s`", stamp(g.Due.UTC()), g.ID)
	}
}

// FreezeLines renders freezes that people added.
func FreezeLines(freezes []fairlead.StandingFreeze) []string {
	if len(freezes) == 0 {
		return []string{"nobody has added a freeze; those of fairlead.yaml are in the plan"}
	}
	var lines []string
	for _, f := range freezes {
		lines = append(lines, freezeSentence(f))
	}
	return lines
}
