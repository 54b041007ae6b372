// Package triage follows findings over time: what several tools saw of one
// thing becomes one finding, which is new, open, fixed and perhaps reopened, has
// a day by which it must be gone, and may be excused by an exception. It is
// pure: the same scans in the same order give the same findings.
package triage

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
)

// Scan is what was seen at one time of one service's environment.
type Scan struct {
	Service     string
	Environment string // "" is a work tree that was scanned by hand
	RunID       string
	Commit      string
	Time        time.Time
	Findings    []fairlead.Finding
	// Complete are the tools that looked at everything and ended: what they saw
	// before and do not see now is gone. A tool that failed or saw a part only
	// says nothing by its silence.
	Complete []string
	// Missed are, by tool, the files and folders that it did not look at although
	// it is complete for the rest; a folder ends in a slash, "./" is everything.
	Missed map[string][]string
}

// looked tells whether a tool looked at what an observation is about.
func (s Scan) looked(o fairlead.Observation) bool {
	if !slices.Contains(s.Complete, o.Tool) {
		return false
	}
	return !slices.ContainsFunc(s.Missed[o.Tool], func(m string) bool {
		return m == o.Location.Path || m == "./" || strings.HasSuffix(m, "/") && strings.HasPrefix(o.Location.Path, m)
	})
}

// Update takes a scan into account. It gives every finding as it is after the
// scan, those that did not change included, by id; and those of them that did.
// Applying a scan a second time changes nothing.
func Update(before []fairlead.Tracked, s Scan, c fairlead.Clock) (after, changed []fairlead.Tracked) {
	b := newBook(before, s, c)
	b.going = func(_ *fairlead.Tracked, o fairlead.Observation) bool { // what the tools that looked at everything do not see any more
		return o.Last.Before(s.Time) && s.looked(o)
	}
	b.enter(Merge(s.Findings))
	b.settle()
	b.drop()
	return b.result(before)
}

// book holds the findings while a scan is taken into account.
type book struct {
	scan  Scan
	clock fairlead.Clock
	all   map[string]*fairlead.Tracked
	known map[string]string                                  // fingerprint, with category -> Tracked.ID
	seen  map[string][]Sighting                              // by Tracked.ID: what of this scan belongs to one finding
	going func(*fairlead.Tracked, fairlead.Observation) bool // which observations hold no more
	names map[string]string                                  // one name for each vulnerability, whatever each finding calls it
}

func newBook(before []fairlead.Tracked, s Scan, c fairlead.Clock) *book {
	b := &book{scan: s, clock: c, all: map[string]*fairlead.Tracked{}, known: map[string]string{}, seen: map[string][]Sighting{}}
	for _, t := range before {
		kept := t
		kept.Observations, kept.Fingerprints = slices.Clone(t.Observations), slices.Clone(t.Fingerprints)
		b.all[t.ID] = &kept
	}
	for _, id := range slices.Sorted(maps.Keys(b.all)) {
		if t := b.all[id]; t.Into == "" {
			for _, fp := range t.Fingerprints {
				b.known[known(t.Finding.Category, fp)] = id
			}
		}
	}
	return b
}

func known(c fairlead.Category, fingerprint string) string { return string(c) + "\x00" + fingerprint }

// see enters one sighting: into the finding that it is, or as a new one. When it
// shows that several findings are one, they become the one seen first.
func (b *book) see(s Sighting) {
	t := b.home(s)
	at := b.scan.Time
	if !t.FixedAt.IsZero() {
		t.Away += fairlead.Duration(max(0, at.Sub(t.FixedAt)))
		t.ReopenedAt, t.FixedAt = at, time.Time{}
	}
	for _, f := range s.Seen {
		b.observe(t, f)
		b.known[known(f.Category, f.Fingerprint)] = t.ID
	}
	b.seen[t.ID] = append(b.seen[t.ID], s)
}

// settle says of every finding that was seen what all of its sightings say
// together, so that none of them alone moves its due date.
func (b *book) settle() {
	for _, id := range slices.Sorted(maps.Keys(b.seen)) {
		t := b.all[id]
		if b.scan.Time.Before(t.LastSeen) { // a later scan was taken into account before
			continue
		}
		var seen []fairlead.Finding
		group := ""
		for _, s := range b.seen[id] {
			seen = append(seen, s.Seen...)
			group = smaller(group, s.Group)
		}
		slices.SortFunc(seen, order)
		t.Finding, t.Group, t.LastSeen = join(distinct(seen)), group, b.scan.Time
		t.Finding.Fingerprint = t.ID
		clock(t, b.clock, b.scan.Time)
	}
}

// smaller gives the smaller of two names of which one may be missing.
func smaller(a, b string) string {
	if a == "" || b != "" && b < a {
		return b
	}
	return a
}

// home gives the finding that a sighting belongs to.
func (b *book) home(s Sighting) *fairlead.Tracked {
	var found []*fairlead.Tracked
	for _, f := range s.Seen {
		if id, ok := b.known[known(f.Category, f.Fingerprint)]; ok && !slices.Contains(found, b.all[id]) {
			found = append(found, b.all[id])
		}
	}
	if len(found) == 0 {
		t := &fairlead.Tracked{
			ID: b.newID(s.Finding), Service: b.scan.Service, Environment: b.scan.Environment, FirstSeen: b.scan.Time,
		}
		b.all[t.ID] = t
		return t
	}
	slices.SortFunc(found, func(x, y *fairlead.Tracked) int {
		return cmp.Or(x.FirstSeen.Compare(y.FirstSeen), cmp.Compare(x.ID, y.ID))
	})
	for _, other := range found[1:] {
		b.absorb(found[0], other)
	}
	return found[0]
}

// newID is the fingerprint, unless a finding of another category, or one that
// was absorbed, has it already.
func (b *book) newID(f fairlead.Finding) string {
	id := f.Fingerprint
	for b.all[id] != nil {
		id = fairlead.Fingerprint(f.Category, id)
	}
	return id
}

// absorb makes other a part of t, for good.
func (b *book) absorb(t, other *fairlead.Tracked) {
	for _, o := range other.Observations {
		b.put(t, o)
	}
	t.Fingerprints = sorted(append(t.Fingerprints, other.Fingerprints...))
	for _, fp := range other.Fingerprints {
		b.known[known(t.Finding.Category, fp)] = t.ID
	}
	if !t.FixedAt.IsZero() && other.FixedAt.IsZero() { // a part of it was there all the time: no time is won
		t.FixedAt, t.ReopenedAt = time.Time{}, b.scan.Time
	}
	if with := b.seen[other.ID]; with != nil {
		b.seen[t.ID] = append(b.seen[t.ID], with...)
		delete(b.seen, other.ID)
	}
	other.Into, other.FixedAt, other.Due, other.Allowed = t.ID, b.scan.Time, time.Time{}, 0
}

// observe enters what one tool said.
func (b *book) observe(t *fairlead.Tracked, f fairlead.Finding) {
	t.Fingerprints = sorted(append(t.Fingerprints, f.Fingerprint))
	b.put(t, fairlead.Observation{
		Fingerprint: f.Fingerprint, Tool: f.Tool, ToolVersion: f.ToolVersion, Rule: f.Rule, Severity: f.Severity,
		Version: cmp.Or(f.Component.Version, versionOf(f.Component.PURL)), Location: f.Location,
		RunID: b.scan.RunID, Commit: b.scan.Commit, First: b.scan.Time, Last: b.scan.Time,
	})
}

// put enters an observation, or brings the one that is there up to date.
func (b *book) put(t *fairlead.Tracked, o fairlead.Observation) {
	for i, had := range t.Observations {
		if identity(had) != identity(o) {
			continue
		}
		if had.First.Before(o.First) {
			o.First = had.First
		}
		if had.Last.After(o.Last) {
			first := o.First
			o = had
			o.First = first
		}
		t.Observations[i] = o
		return
	}
	t.Observations = append(t.Observations, o)
	slices.SortFunc(t.Observations, func(x, y fairlead.Observation) int {
		return cmp.Or(cmp.Compare(x.Tool, y.Tool), cmp.Compare(toolName(x.ToolVersion), toolName(y.ToolVersion)), cmp.Compare(x.Rule, y.Rule), cmp.Compare(x.Fingerprint, y.Fingerprint))
	})
}

// identity tells observations of one finding apart: a newer version of a tool
// is the same tool.
func identity(o fairlead.Observation) string {
	return join0(o.Tool, toolName(o.ToolVersion), o.Rule, o.Fingerprint)
}

// drop notes which observations hold no more. A finding that nobody sees is fixed.
func (b *book) drop() {
	for _, id := range slices.Sorted(maps.Keys(b.all)) {
		t := b.all[id]
		if !t.FixedAt.IsZero() || t.Into != "" {
			continue
		}
		left := 0
		for i, o := range t.Observations {
			if o.Gone.IsZero() && b.going(t, o) {
				t.Observations[i].Gone = b.scan.Time
			}
			if t.Observations[i].Gone.IsZero() {
				left++
			}
		}
		if left == 0 {
			t.FixedAt = b.scan.Time
		}
		clock(t, b.clock, b.scan.Time)
	}
}

// result gives all findings by id, and those that are not as they were.
func (b *book) result(before []fairlead.Tracked) (after, changed []fairlead.Tracked) {
	had := map[string]fairlead.Tracked{}
	for _, t := range before {
		had[t.ID] = t
	}
	for _, id := range slices.Sorted(maps.Keys(b.all)) {
		t := *b.all[id]
		t.State, t.Exception = StateOf(t, nil), ""
		if old, ok := had[id]; !ok || !equal(old, t) {
			t.Version++
			changed = append(changed, t)
		}
		after = append(after, t)
	}
	return after, changed
}

// equal tells whether two findings over time are the same but for what follows
// from time alone.
func equal(a, b fairlead.Tracked) bool {
	a.State, a.Exception, b.State, b.Exception = "", "", "", ""
	return fairlead.DigestJSON(a) == fairlead.DigestJSON(b)
}

// StateOf gives the state of a finding under an exception in force, nil when
// there is none.
func StateOf(t fairlead.Tracked, x *fairlead.Exception) fairlead.FindingState {
	switch {
	case !t.FixedAt.IsZero():
		return fairlead.FindingFixed
	case x != nil && x.Justification != "":
		return fairlead.FindingSuppressed
	case x != nil:
		return fairlead.FindingAccepted
	case !t.ReopenedAt.IsZero():
		return fairlead.FindingReopened
	case t.FirstSeen.Equal(t.LastSeen):
		return fairlead.FindingNew
	default:
		return fairlead.FindingOpen
	}
}
