package evidence

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"fairlead.dev"
)

// Shelf is where evidence is kept, and what was taken back of it.
type Shelf interface {
	// Evidence gives evidence by id; one that is missing is KindNotFound.
	Evidence(ctx context.Context, ids ...fairlead.Digest) ([]fairlead.Evidence, error)
	// Revocations gives those of the evidence named, none for the rest.
	Revocations(ctx context.Context, ids ...fairlead.Digest) ([]fairlead.Revocation, error)
}

// History is what earlier runs did.
type History interface {
	Runs(ctx context.Context, f fairlead.RunFilter) ([]fairlead.Run, error)
	Tasks(ctx context.Context, runID string) ([]fairlead.TaskRun, error)
	Plan(ctx context.Context, hash fairlead.Digest) (fairlead.Plan, error)
}

// Verifier checks evidence before it is built upon.
type Verifier interface {
	Verify(e fairlead.Evidence) (Statement, error)
}

// Content opens the content of a digest.
type Content func(ctx context.Context, d fairlead.Digest) (io.ReadCloser, error)

// Book tells what earlier work is worth now. Whoever wants to take over a
// result asks it, so that evidence which expired or was revoked counts nowhere.
type Book struct {
	Shelf    Shelf
	History  History
	Verifier Verifier
	Content  Content
	// Advisories gives the file of the database of vulnerabilities and the digest of
	// its content, both "" when there is none. A result that rests on another content
	// does not count. Nil asks nothing.
	Advisories func(ctx context.Context) (file string, content fairlead.Digest, err error)
}

// Worth is what an earlier result is worth now.
type Worth struct {
	Task       fairlead.TaskRun    // the result; zero when there is none
	Evidence   []fairlead.Evidence // what it left
	Statements []Statement         // the same, verified
	ProvenAt   time.Time           // when the work was done
	Until      time.Time           // when it expires; zero: it does not
	Lapsed     string              // why it does not count (any more); "" when it does
}

// Weigh tells what a result is worth at a time, when it counts for as long as
// valid, and for ever when that is 0. Every doubt is a reason why it does not
// count; the error is for what could not be read.
func (b Book) Weigh(ctx context.Context, tr fairlead.TaskRun, valid fairlead.Duration, at time.Time) (Worth, error) {
	w := Worth{Task: tr, ProvenAt: tr.ProvenAt}
	if w.ProvenAt.IsZero() {
		w.ProvenAt = tr.FinishedAt
	}
	switch {
	case !tr.Succeeded():
		w.Lapsed = fmt.Sprintf("it ended with %s in run %s", tr.Result, tr.RunID)
	case slices.ContainsFunc(tr.Cases, func(c fairlead.TestCase) bool { return c.Result == fairlead.CaseFlaky }):
		w.Lapsed = "a test case was flaky in run " + tr.RunID
	}
	if w.Lapsed != "" {
		return w, nil
	}
	if err := b.read(ctx, &w); err != nil || w.Lapsed != "" {
		return w, err
	}
	if valid > 0 {
		w.Until = w.ProvenAt.Add(valid.D())
		if !at.Before(w.Until) {
			w.Lapsed = fmt.Sprintf("it expired at %s, %s after it was proven in run %s", stamp(w.Until), valid, w.run())
			return w, nil
		}
	}
	if err := b.outdated(ctx, &w); err != nil || w.Lapsed != "" {
		return w, err
	}
	w.Lapsed = b.missing(ctx, tr)
	return w, nil
}

// outdated says so when something else is known about vulnerabilities now than
// when the work was done.
func (b Book) outdated(ctx context.Context, w *Worth) error {
	if b.Advisories == nil || w.Task.Advisories == nil {
		return nil
	}
	_, now, err := b.Advisories(ctx)
	if err == nil && now != w.Task.Advisories.Digest {
		w.Lapsed = "the database of vulnerabilities is another one than in run " + w.run()
	}
	return err
}

// run is the run that did the work.
func (w Worth) run() string {
	if w.Task.ReusedFrom != "" {
		return w.Task.ReusedFrom
	}
	return w.Task.RunID
}

// read reads the evidence of a result, verifies it and takes its time from it.
func (b Book) read(ctx context.Context, w *Worth) error {
	rows, err := b.Shelf.Evidence(ctx, w.Task.Evidence...)
	if fairlead.KindOf(err) == fairlead.KindNotFound {
		w.Lapsed = "its evidence is gone"
		return nil
	}
	if err != nil {
		return err
	}
	revoked, err := b.Shelf.Revocations(ctx, Names(rows)...)
	if err != nil {
		return err
	}
	if len(revoked) > 0 {
		r := revoked[0]
		w.Lapsed = fmt.Sprintf("evidence %s was revoked by %s: %s", r.Evidence.Short(), r.Who, r.Reason)
		return nil
	}
	for i, e := range rows {
		s, err := b.Verifier.Verify(e)
		switch {
		case err != nil:
			w.Lapsed = err.Error()
			return nil
		case s.Time.IsZero():
			w.Lapsed = "evidence " + e.ID.Short() + " does not say when it was proven"
			return nil
		case i == 0 || s.Time.Before(w.ProvenAt):
			w.ProvenAt = s.Time
		}
		w.Statements = append(w.Statements, s)
	}
	w.Evidence = rows
	return nil
}

// missing says which artifact's content is gone, "" when all of it is there.
func (b Book) missing(ctx context.Context, tr fairlead.TaskRun) string {
	for _, a := range tr.Artifacts {
		r, err := b.Content(ctx, a.Digest)
		if err != nil {
			return fmt.Sprintf("the content of artifact %s (%s) is gone: %s", a.Name, a.Digest.Short(), err)
		}
		_ = r.Close() // only read
	}
	return ""
}

// Origin is the evidence that e repeats, or e itself: what a revocation names.
func Origin(e fairlead.Evidence) fairlead.Digest {
	if e.From != "" {
		return e.From
	}
	return e.ID
}

// Names gives what a revocation may name evidence by.
func Names(rows []fairlead.Evidence) []fairlead.Digest {
	ids := make([]fairlead.Digest, 0, len(rows))
	for _, e := range rows {
		ids = append(ids, Origin(e))
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z07:00") }
