package record

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"fairlead.dev"
)

// Place is a run's place in the line for one service in one environment.
type Place struct {
	Environment string               `json:"environment"`
	Service     string               `json:"service"`
	RunID       string               `json:"run_id"`
	Lock        fairlead.LockMode    `json:"lock"`
	State       fairlead.TicketState `json:"state"`            // coming or ready
	Position    int                  `json:"position"`         // 1: next
	Holder      string               `json:"holder,omitempty"` // deployment or rollback that moves the place now
}

// readPlaces reads who stands in line.
func readPlaces(ctx context.Context, r Overview, live []Live) ([]Place, error) {
	all, err := r.Lines(ctx)
	if err != nil {
		return nil, err
	}
	out := []Place{} // "[]" in JSON
	for _, k := range all {
		if k.State == fairlead.TicketMoving {
			continue
		}
		var line fairlead.Line
		for _, o := range all {
			if o.Environment == k.Environment && o.Service == k.Service {
				line = append(line, o)
			}
		}
		p := Place{Environment: k.Environment, Service: k.Service, RunID: k.RunID, Lock: k.Lock.Mode, State: k.State, Position: len(line.Ahead(k)) + 1}
		for _, l := range live {
			if l.Environment == k.Environment && l.Service == k.Service && l.Moving != nil {
				p.Holder = l.Moving.Deployment
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// lineLines renders who stands in line, "" and nothing when nobody does.
func lineLines(places []Place) []string {
	if len(places) == 0 {
		return nil
	}
	return append([]string{"", "in line"}, table(func(t *tabwriter.Writer) {
		for _, p := range places {
			how := "ready"
			if p.State == fairlead.TicketComing {
				how = "not ready yet"
			}
			fmt.Fprintf(t, "  %s\t%s\t%d.\t%s\t%s\t%s\n", p.Environment, p.Service, p.Position, p.RunID, p.Lock, how)
		}
	})...)
}

// WaitLines says what a run waits for, one line for each place.
func WaitLines(t fairlead.Turn) []string {
	var lines []string
	for _, w := range t.Waits {
		text := fmt.Sprintf("waits in line for %s of %s, %s", w.Environment, w.Service, position(w.Position))
		if w.Holder != "" {
			text += "; " + w.Holder + " moves it"
		}
		if n := len(w.Ahead); n > 0 {
			text += "; after run " + w.Ahead[n-1].RunID
		}
		lines = append(lines, text)
	}
	return lines
}

// position says a place in line in words.
func position(n int) string {
	if n == 1 {
		return "next"
	}
	return fmt.Sprintf("number %d", n)
}

// explainLine says who went instead of a run, or what it waits for now.
func explainLine(ctx context.Context, r Reader, run fairlead.Run) ([]Explanation, error) {
	if run.Superseded != "" {
		return []Explanation{{Subject: "line", Headline: "run " + run.Superseded + " goes instead", Fix: "`fairlead retry " + run.ID + "` releases this one all the same"}}, nil
	}
	if run.State == fairlead.StateFinished {
		return nil, nil
	}
	turn, err := r.Turn(ctx, run.ID)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		return nil, nil
	}
	var out []Explanation
	for _, text := range WaitLines(turn) {
		out = append(out, Explanation{Subject: "line", Headline: strings.TrimPrefix(text, "waits in line for ")})
	}
	return out, err
}
