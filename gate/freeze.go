package gate

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"fairlead.dev"
)

const (
	dateForm   = "2006-01-02"
	minuteForm = "2006-01-02T15:04"
	secondForm = "2006-01-02T15:04:05"
	day        = 24 * time.Hour
	shortest   = time.Minute
	longest    = 366 * day
)

// firstOccurrence is where the count of a rule begins when nothing else is said.
const firstOccurrence = "2000-01-01"

// window is a freeze whose words were understood.
type window struct {
	from, to time.Time // zero: open
	rule     *rrule.Set
	span     time.Duration
}

// CheckFreeze says what is wrong with the times of a freeze; nil when nothing is.
func CheckFreeze(f fairlead.Freeze) error {
	if len(f.Reason) > longestReason {
		return fmt.Errorf("its reason has more than %d bytes", longestReason)
	}
	_, err := parse(f)
	return err
}

// longestReason is how many bytes a reason may have: everybody who waits reads it.
const longestReason = 2000

// parse reads the times of a freeze in its own time zone.
func parse(f fairlead.Freeze) (window, error) {
	loc, err := time.LoadLocation(f.TZ)
	if err != nil || f.TZ == "Local" {
		return window{}, fmt.Errorf("%q is not a time zone such as Europe/Berlin", f.TZ)
	}
	var w window
	if w.from, err = moment(f.From, loc, false); err != nil {
		return w, err
	}
	if w.to, err = moment(f.To, loc, true); err != nil {
		return w, err
	}
	if !w.from.IsZero() && !w.to.IsZero() && !w.from.Before(w.to) {
		return w, fmt.Errorf("it ends (%s) before it begins (%s)", f.To, f.From)
	}
	if f.RRule == "" {
		if f.Duration != 0 {
			return w, errors.New("a duration is that of one occurrence of a rule: say with to when the freeze ends")
		}
		if len(f.ExDate)+len(f.RDate) > 0 {
			return w, errors.New("exdate and rdate are about the occurrences of a rule")
		}
		return w, nil
	}
	switch w.span = f.Duration.D(); {
	case w.span == 0:
		w.span = day
	case w.span < shortest, w.span > longest:
		return w, errors.New("one occurrence lasts from a minute to 366 days")
	}
	w.rule, err = recurrence(f, w, loc)
	return w, err
}

// moment reads a wall-clock time. As an end, a date stands for the whole day.
// Of a time that comes twice, where the clocks are set back, a freeze begins at
// the first and ends at the second.
func moment(s string, loc *time.Location, end bool) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(dateForm, s, loc)
	if err == nil && end {
		t = t.AddDate(0, 0, 1)
	}
	s = strings.Replace(s, " ", "T", 1)
	if err != nil {
		t, err = time.ParseInLocation(minuteForm, s, loc)
	}
	if err != nil {
		t, err = time.ParseInLocation(secondForm, s, loc)
	}
	switch {
	case err != nil:
		return t, fmt.Errorf("%q is not a time such as 2026-12-20 or 2026-12-20T18:00", s)
	case t.Year() < firstYear:
		return t, fmt.Errorf("%q is before the year %d", s, firstYear)
	case end:
		return twin(t, 1), nil
	}
	return earliest(t), nil
}

// firstYear is where calendars begin: rules are walked through from there.
const firstYear = 1970

// earliest gives the first of the moments that a clock shows alike.
func earliest(t time.Time) time.Time { return twin(t, -1) }

// twin gives the other moment at which a clock that is set back shows the same,
// later or, with a negative sign, earlier; the moment itself where there is none.
func twin(t time.Time, sign int) time.Time {
	for _, minutes := range []int{30, 60, 120} { // by which clocks are set back
		if other := t.Add(time.Duration(sign*minutes) * time.Minute); other.Format(secondForm) == t.Format(secondForm) {
			return other
		}
	}
	return t
}

// holds tells whether the window holds at a time, and until when, counting in
// what follows without a gap; a zero time means that there is no end in sight.
// The occurrences of a rule are walked through once.
func (w window) holds(at time.Time) (until time.Time, holds bool) {
	if w.rule == nil {
		return w.to, !at.Before(w.from) && (w.to.IsZero() || at.Before(w.to))
	}
	const most = 400 // that touch one another
	touching := 0
	next := w.rule.Iterator()
	for start, ok := next(); ok; start, ok = next() {
		start = earliest(start)
		end := w.end(start)
		switch {
		case holds && start.After(until):
			return until.UTC(), true
		case !holds && start.After(at):
			return time.Time{}, false
		case holds || at.Before(end):
			until, holds = end, true
			touching++
		}
		if touching > most {
			return time.Time{}, true
		}
	}
	return until.UTC(), holds
}

// end gives when an occurrence ends. Days follow the calendar, 23 or 25 hours
// long where the clocks change.
func (w window) end(start time.Time) time.Time {
	if w.span%day == 0 {
		return start.AddDate(0, 0, int(w.span/day))
	}
	return start.Add(w.span)
}

// Frozen gives the freezes that hold at a time. Each says until when, counting
// in what follows it without a gap: a weekend ends on Monday, not on Sunday. A
// freeze that cannot be read holds.
func Frozen(freezes []fairlead.Freeze, at time.Time) []fairlead.Held {
	return read(freezes).at(at)
}

// Thaw gives when nothing of what holds at a time holds any more; zero when
// that is not known.
func Thaw(freezes []fairlead.Freeze, at time.Time) time.Time {
	const most = 100
	all := read(freezes)
	for range most {
		held := all.at(at)
		if len(held) == 0 {
			return at
		}
		for _, h := range held {
			if h.Until.IsZero() {
				return time.Time{}
			}
			if h.Until.After(at) {
				at = h.Until
			}
		}
	}
	return time.Time{}
}

// understood are freezes, and their windows or what is wrong with them.
type understood struct {
	freezes []fairlead.Freeze
	windows []window
	broken  []error
}

func read(freezes []fairlead.Freeze) understood {
	u := understood{freezes, make([]window, len(freezes)), make([]error, len(freezes))}
	for i, f := range freezes {
		u.windows[i], u.broken[i] = parse(f)
	}
	return u
}

// at gives what holds at a time.
func (u understood) at(at time.Time) []fairlead.Held {
	held := []fairlead.Held{}
	for i, f := range u.freezes {
		h := fairlead.Held{Freeze: f.ID, Reason: f.Reason, Source: f.Source}
		if u.broken[i] != nil {
			h.Reason = "it cannot be read: " + u.broken[i].Error()
			held = append(held, h)
		} else if until, holds := u.windows[i].holds(at); holds {
			h.Until = until
			held = append(held, h)
		}
	}
	return held
}
