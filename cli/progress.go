package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"fairlead.dev"
)

// progress shows a run while it executes, from the record alone, so it shows
// the same whichever process does the work: events as JSON lines, plain lines,
// or on a terminal lines with a living block of what runs now below them.
type progress struct {
	*commands
	rec     Records
	runID   string
	every   time.Duration
	after   int64     // last record seen
	start   time.Time // of the run
	live    bool      // a terminal
	waiting bool      // by the record, the run waits
	inLine  string    // what it waits for in line, as said last; "" since it moves
	drawn   int       // lines of the living block on the screen
}

func (c *commands) newProgress(rec Records, runID string) *progress {
	p := &progress{commands: c, rec: rec, runID: runID, every: 150 * time.Millisecond, live: !c.set.JSON && isTerminal(c.Out)}
	if !c.set.JSON {
		p.say("run " + runID)
	}
	return p
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"
}

// update shows what has happened since the last call.
func (p *progress) update(ctx context.Context) error {
	for {
		records, err := p.rec.Events(ctx, p.runID, p.after)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			break
		}
		p.erase()
		for _, r := range records {
			p.after = r.Seq
			switch r.Type {
			case fairlead.RecordRunWaiting:
				p.waiting = true
			case fairlead.RecordRunGoesOn:
				p.waiting = false
			}
			if err := p.event(r); err != nil {
				return err
			}
		}
	}
	if err := p.lineUp(ctx); err != nil || !p.live {
		return err
	}
	tasks, err := p.rec.Tasks(ctx, p.runID)
	if err != nil {
		return err
	}
	p.erase()
	p.draw(tasks)
	return nil
}

// lineUp says how a run that waits in line gets on. That it waits, and what
// for, was said by its record.
func (p *progress) lineUp(ctx context.Context) error {
	if p.inLine == "" || p.set.JSON {
		return nil
	}
	now, err := p.rec.Waiting(ctx, p.runID)
	if err != nil || now == p.inLine {
		return err
	}
	if p.inLine = now; now != "" {
		p.erase()
		fmt.Fprintf(p.Out, "%7s  %s\n", since(p.start, time.Now()), now)
	}
	return nil
}

// event shows one record.
func (p *progress) event(r fairlead.Record) error {
	if p.set.JSON {
		return p.line(r)
	}
	if p.start.IsZero() {
		p.start = r.Time
	}
	text := p.rec.Sentence(r)
	if r.Type == fairlead.RecordRunInLine {
		p.inLine = text
	}
	if text == "" || r.Type == fairlead.RecordTaskStarted && p.live {
		return nil
	}
	fmt.Fprintf(p.Out, "%7s  %s\n", since(p.start, r.Time), text)
	return nil
}

// draw writes the living block: what runs now, and for how long.
func (p *progress) draw(tasks []fairlead.TaskRun) {
	width := 80
	if f, ok := p.Out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			width = w
		}
	}
	done := 0
	var lines []string
	for _, t := range tasks {
		if t.State == fairlead.StateFinished {
			done++
			continue
		}
		lines = append(lines, fmt.Sprintf("         %s  %s", t.ID, time.Since(t.StartedAt).Truncate(100*time.Millisecond)))
	}
	head := fmt.Sprintf("%7s  %d tasks done, %d running", since(p.start, time.Now()), done, len(lines))
	if p.start.IsZero() {
		head = "         waiting to start"
	}
	const most = 12
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("         and %d more", len(lines)-most))
	}
	for _, l := range append([]string{head}, lines...) {
		fmt.Fprintln(p.Out, l[:min(len(l), width-1)])
		p.drawn++
	}
}

// erase removes the living block.
func (p *progress) erase() {
	if p.drawn > 0 {
		fmt.Fprint(p.Out, strings.Repeat("\x1b[1A\x1b[2K", p.drawn))
		p.drawn = 0
	}
}

// say writes a line of the command's own.
func (p *progress) say(text string) {
	if p.set.JSON {
		return
	}
	p.erase()
	fmt.Fprintln(p.Out, text)
}

// done writes the last line of a run.
func (p *progress) done(run fairlead.Run) {
	p.erase()
	if p.set.JSON {
		_ = p.line(map[string]any{"run": run})
		return
	}
	fmt.Fprintf(p.Out, "%7s  %s: %s\n", since(run.StartedAt, run.FinishedAt), run.Result, run.Reason)
}

// since gives a span in a width that lines up.
func since(from, to time.Time) string {
	d := to.Sub(from)
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return d.Truncate(time.Second).String()
}
