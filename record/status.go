package record

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"fairlead.dev"
)

// Overview is what status reads.
type Overview interface {
	Environments(ctx context.Context) ([]fairlead.EnvironmentState, error)
	Runs(ctx context.Context, f fairlead.RunFilter) ([]fairlead.Run, error)
	Deployment(ctx context.Context, id string) (fairlead.Deployment, error)
	Deployments(ctx context.Context, environment, service string, limit int) ([]fairlead.Deployment, error)
	Lines(ctx context.Context) (fairlead.Line, error)
	Exposures(ctx context.Context) ([]fairlead.Exposure, error)
	Approvals(ctx context.Context, runID string) ([]fairlead.Approval, error)
}

// Status is what is live where and what is on its way.
type Status struct {
	Environments []Live              `json:"environments"`
	Unfinished   []fairlead.Run      `json:"unfinished"` // runs under way, or left behind by a process that died
	Votes        []fairlead.Approval `json:"votes"`      // on what unfinished runs wait for, that no process has counted yet
	People       People              `json:"people"`     // what people decided that still stands
	InLine       []Place             `json:"in_line"`    // runs in line, by environment and service
	Exposures    []fairlead.Exposure `json:"exposures"`  // known vulnerabilities of what takes traffic
	Last         []fairlead.Run      `json:"last"`       // the newest finished runs, and the last of every environment
}

// Live is one service in one environment.
type Live struct {
	Environment string              `json:"environment"`
	Service     string              `json:"service"`
	Release     fairlead.Digest     `json:"release,omitempty"` // takes the traffic; "" when nothing does
	Commit      string              `json:"commit,omitempty"`
	Since       time.Time           `json:"since,omitzero"`
	Promotion   *fairlead.Promotion `json:"promotion,omitempty"` // where the release was good before
	Previous    fairlead.Digest     `json:"previous,omitempty"`  // a rollback goes there
	Moving      *Moving             `json:"moving,omitempty"`
	Replicas    int                 `json:"replicas"`
	Target      string              `json:"target,omitempty"`
}

// Moving is a deployment on its way.
type Moving struct {
	Deployment string               `json:"deployment"`
	Release    fairlead.Digest      `json:"release,omitempty"`
	Phase      fairlead.DeployPhase `json:"phase,omitempty"`
	Weight     int                  `json:"weight"`          // percent
	Split      string               `json:"split,omitempty"` // what was seen of that, where the target only asks for it
}

// ReadStatus reads the whole status.
func ReadStatus(ctx context.Context, r Overview) (Status, error) {
	live, err := ReadLive(ctx, r)
	if err != nil {
		return Status{}, err
	}
	s := Status{Environments: live, Unfinished: []fairlead.Run{}, Last: []fairlead.Run{}}
	for _, state := range []fairlead.State{fairlead.StateFinalizing, fairlead.StateExecuting, fairlead.StatePending} {
		runs, err := r.Runs(ctx, fairlead.RunFilter{State: state, Limit: 50})
		if err != nil {
			return Status{}, err
		}
		s.Unfinished = append(s.Unfinished, runs...)
	}
	slices.SortStableFunc(s.Unfinished, newestFirst)
	if s.Votes, err = uncounted(ctx, r, s.Unfinished); err != nil {
		return Status{}, err
	}
	if s.InLine, err = readPlaces(ctx, r, live); err != nil {
		return Status{}, err
	}
	if s.Exposures, err = r.Exposures(ctx); err != nil {
		return Status{}, err
	}
	if s.Exposures == nil {
		s.Exposures = []fairlead.Exposure{}
	}
	s.Last, err = lastRuns(ctx, r, live)
	return s, err
}

// lastRuns gives the five newest finished runs and, where a place has none
// among them, its own last one.
func lastRuns(ctx context.Context, r Overview, live []Live) ([]fairlead.Run, error) {
	last, err := r.Runs(ctx, fairlead.RunFilter{State: fairlead.StateFinished, Limit: 5})
	if err != nil {
		return nil, err
	}
	for _, l := range live {
		here := func(run fairlead.Run) bool { return run.Environment == l.Environment && run.Service == l.Service }
		if slices.ContainsFunc(last, here) {
			continue
		}
		more, err := r.Runs(ctx, fairlead.RunFilter{
			Environment: l.Environment, Service: l.Service, State: fairlead.StateFinished, Limit: 1,
		})
		if err != nil {
			return nil, err
		}
		last = append(last, more...)
	}
	if last == nil {
		last = []fairlead.Run{} // "[]" in JSON
	}
	slices.SortStableFunc(last, newestFirst)
	return last, nil
}

func newestFirst(a, b fairlead.Run) int { return b.StartedAt.Compare(a.StartedAt) }

// ReadLive reads what is live where.
func ReadLive(ctx context.Context, r Overview) ([]Live, error) {
	all, err := r.Environments(ctx)
	if err != nil {
		return nil, err
	}
	out := []Live{}
	for _, st := range all {
		l := Live{Environment: st.Environment, Service: st.Service, Since: st.UpdatedAt}
		if st.Current != nil {
			l.Release, l.Commit = st.Current.ID, st.Current.Commit
			l.Replicas, l.Target = st.Current.Replicas, st.Current.Target
			if l.Promotion, err = promotionOf(ctx, r, st); err != nil {
				return nil, err
			}
		}
		if st.Previous != nil {
			l.Previous = st.Previous.ID
		}
		if st.Moving != "" {
			if l.Moving, err = moving(ctx, r, st.Moving); err != nil {
				return nil, err
			}
		}
		out = append(out, l)
	}
	return out, nil
}

// promotionOf tells where the current release was before: what its newest
// deployment says.
func promotionOf(ctx context.Context, r Overview, st fairlead.EnvironmentState) (*fairlead.Promotion, error) {
	d, err := r.Deployment(ctx, st.Deployment)
	if err == nil && d.Release.ID == st.Current.ID && d.Phase == fairlead.DeployDone {
		return d.Promotion, nil
	}
	if err != nil && fairlead.KindOf(err) != fairlead.KindNotFound {
		return nil, err
	}
	history, err := r.Deployments(ctx, st.Environment, st.Service, 20)
	for _, d := range history {
		if d.Release.ID == st.Current.ID && d.Phase == fairlead.DeployDone {
			return d.Promotion, err
		}
	}
	return nil, err
}

// moving describes what moves an environment: a deployment, its rollback, or a
// rollback that a person asked for, which has no deployment.
func moving(ctx context.Context, r Overview, id string) (*Moving, error) {
	m := &Moving{Deployment: id}
	d, err := r.Deployment(ctx, strings.TrimSuffix(id, "/rollback"))
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return m, nil
	}
	m.Release, m.Phase = d.Release.ID, d.Phase
	if n := len(d.Weights); n > 0 {
		m.Weight, m.Split = d.Weights[n-1].Weight, d.Weights[n-1].Split
	}
	return m, err
}

// LiveLines renders what is live where as a table.
func LiveLines(live []Live) []string {
	if len(live) == 0 {
		return []string{"nothing was released yet"}
	}
	return table(func(t *tabwriter.Writer) {
		head, promoted := "environment\tservice\trelease\tcommit\tsince\tmoving", false
		for _, l := range live {
			promoted = promoted || l.Promotion != nil
		}
		if promoted {
			head += "\tpromoted from"
		}
		fmt.Fprintln(t, head)
		for _, l := range live {
			release := "nothing"
			if l.Release != "" {
				release = l.Release.Short()
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s", l.Environment, l.Service, release, short(l.Commit), stamp(l.Since), l.Moving.words())
			if promoted && l.Promotion != nil {
				fmt.Fprintf(t, "\t%s, run %s", l.Promotion.From, l.Promotion.Run)
			}
			fmt.Fprintln(t)
		}
	})
}

func (m *Moving) words() string {
	if m == nil {
		return ""
	}
	if m.Release == "" {
		return m.Deployment
	}
	text := fmt.Sprintf("release %s: %s, %d%% of traffic", m.Release.Short(), strings.ReplaceAll(string(m.Phase), "_", " "), m.Weight)
	if m.Split != "" {
		text += " (" + m.Split + ")"
	}
	return text
}

// Lines renders the status for people.
func (s Status) Lines() []string {
	lines := append(s.People.Lines(), LiveLines(s.Environments)...)
	if len(s.Exposures) > 0 {
		lines = append(append(lines, "", "known vulnerabilities of what takes traffic"), indent(ExposureLines(s.Exposures))...)
	}
	lines = append(lines, waitingLines(s.Unfinished, s.Votes)...)
	if len(s.Unfinished) > 0 {
		lines = append(lines, "", "under way (when no process works on it: `fairlead resume RUN`)")
		lines = append(lines, runLines(s.Unfinished)...)
	}
	lines = append(lines, lineLines(s.InLine)...)
	if len(s.Last) > 0 {
		lines = append(lines, "", "last runs")
		lines = append(lines, runLines(s.Last)...)
	}
	return lines
}

func runLines(runs []fairlead.Run) []string {
	return table(func(t *tabwriter.Writer) {
		for _, r := range runs {
			how := string(r.State)
			switch {
			case r.State == fairlead.StateFinished:
				how = string(r.Result)
			case r.Waiting != nil:
				how = "waiting"
			}
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", r.ID, orNowhere(r.Environment), short(r.Commit), how, firstLine(r.Reason))
		}
	})
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format("2006-01-02 15:04:05Z07:00")
}

// table lines up columns.
func table(fill func(*tabwriter.Writer)) []string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	fill(t)
	_ = t.Flush() // a strings.Builder never fails
	lines := strings.Split(strings.TrimRight(b.String(), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}
