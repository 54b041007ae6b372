package gate

import (
	"errors"
	"fmt"
	"regexp"
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
	rule     *rrule.RRule
	span     time.Duration
}

// CheckFreeze says what is wrong with the times of a freeze; nil when nothing is.
func CheckFreeze(f fairlead.Freeze) error {
	_, err := parse(f)
	return err
}

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
func moment(s string, loc *time.Location, end bool) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.ParseInLocation(dateForm, s, loc); err == nil {
		if end {
			t = t.AddDate(0, 0, 1)
		}
		return t, nil
	}
	s = strings.Replace(s, " ", "T", 1)
	t, err := time.ParseInLocation(minuteForm, s, loc)
	if err != nil {
		t, err = time.ParseInLocation(secondForm, s, loc)
	}
	if err != nil {
		return t, fmt.Errorf("%q is not a time such as 2026-12-20 or 2026-12-20T18:00", s)
	}
	return t, nil
}

// recurrence reads the RFC 5545 rule. Occurrences keep their wall-clock time
// when the clocks change.
func recurrence(f fairlead.Freeze, w window, loc *time.Location) (*rrule.RRule, error) {
	text := strings.TrimPrefix(f.RRule, "RRULE:")
	if len(text) > longestRule || strings.ContainsAny(text, "\n\r") || strings.Contains(text, "DTSTART") {
		return nil, errors.New("the rule is one line that begins with FREQ=; its first occurrence is given by from")
	}
	opt, err := rrule.StrToROptionInLocation(text, loc)
	if err != nil {
		return nil, fmt.Errorf("%q is not an RFC 5545 rule such as FREQ=WEEKLY;BYDAY=SA,SU: %w", f.RRule, err)
	}
	if opt.Freq > rrule.DAILY || len(opt.Byhour) > 1 || len(opt.Byminute) > 1 || len(opt.Bysecond) > 1 {
		return nil, errors.New("a freeze comes back daily at most: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY, and there is one time of day")
	}
	if never.MatchString(text) {
		return nil, errors.New("INTERVAL and COUNT are 1 or more")
	}
	opt.Dtstart = w.from
	if opt.Dtstart.IsZero() {
		if opt.Dtstart, err = moment(firstOccurrence, loc, false); err != nil {
			return nil, err
		}
	}
	if opt.Until.IsZero() && !w.to.IsZero() {
		opt.Until = w.to.Add(-time.Second) // the library counts the end in
	}
	if err := occurs(*opt); err != nil {
		return nil, err
	}
	return rrule.NewRRule(*opt)
}

// longestRule is how many bytes a rule may have.
const longestRule = 1000

// never matches what the library takes for something else than it says.
var never = regexp.MustCompile(`(?i)(INTERVAL|COUNT)=[-+]?0*(;|$)`)

// occurs refuses a rule that never comes: it would be searched for until the end
// of the calendar whenever somebody asks, and would hold nothing.
func occurs(opt rrule.ROption) error {
	const within = 12 // years: from one 29th of February to the next it may be eight
	last := opt.Dtstart.AddDate(within, 0, 0)
	if opt.Until.IsZero() || opt.Until.After(last) {
		opt.Until = last
	}
	opt.Count = 0
	rule, err := rrule.NewRRule(opt)
	if err != nil {
		return err
	}
	if rule.After(opt.Dtstart, true).IsZero() {
		return fmt.Errorf("it never comes within %d years of its beginning, or before it ends", within)
	}
	return nil
}

// holds tells whether the window holds at a time, and until when; a zero time
// means that it has no end.
func (w window) holds(at time.Time) (until time.Time, holds bool) {
	if w.rule == nil {
		return w.to, !at.Before(w.from) && (w.to.IsZero() || at.Before(w.to))
	}
	start := w.rule.Before(at, true)
	if start.IsZero() {
		return start, false
	}
	end := start.Add(w.span)
	if w.span%day == 0 { // days follow the calendar, 23 or 25 hours long where the clocks change
		end = start.AddDate(0, 0, int(w.span/day))
	}
	return end, at.Before(end)
}

// Frozen gives the freezes that hold at a time. Each says until when, counting
// in what follows it without a gap: a weekend ends on Monday, not on Sunday. A
// freeze that cannot be read holds.
func Frozen(freezes []fairlead.Freeze, at time.Time) []fairlead.Held {
	windows := make([]window, len(freezes))
	broken := make([]error, len(freezes))
	for i, f := range freezes {
		windows[i], broken[i] = parse(f)
	}
	held := []fairlead.Held{}
	for i, f := range freezes {
		h := fairlead.Held{Freeze: f.ID, Reason: f.Reason, Source: f.Source}
		if broken[i] != nil {
			h.Reason = "it cannot be read: " + broken[i].Error()
			held = append(held, h)
		} else if until, holds := windows[i].holds(at); holds {
			h.Until = windows[i].stretch(until)
			held = append(held, h)
		}
	}
	return held
}

// stretch follows occurrences that touch; one without end in sight gives zero.
func (w window) stretch(until time.Time) time.Time {
	const most = 400
	for range most {
		if until.IsZero() {
			return until
		}
		next, holds := w.holds(until)
		if !holds {
			return until.UTC()
		}
		until = next
	}
	return time.Time{}
}

// Thaw gives when nothing of what holds at a time holds any more; zero when
// that is not known.
func Thaw(freezes []fairlead.Freeze, at time.Time) time.Time {
	const most = 100
	for range most {
		held := Frozen(freezes, at)
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
