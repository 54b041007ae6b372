package gate

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"fairlead.dev"
)

// recurrence reads the RFC 5545 rule, with the dates that come to it and those
// that are taken out of it. Occurrences keep their wall-clock time when the
// clocks change.
func recurrence(f fairlead.Freeze, w window, loc *time.Location) (*rrule.Set, error) {
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
	rule, err := rrule.NewRRule(*opt)
	if err != nil {
		return nil, err
	}
	set := &rrule.Set{}
	set.RRule(rule)
	if err := add(set, f.RDate, *opt, w, loc); err != nil {
		return nil, err
	}
	return set, except(set, f.ExDate, loc)
}

const (
	longestRule     = 1000   // bytes
	mostDates       = 400    // that come to a rule, or are taken out of it
	mostOccurrences = 40_000 // that are searched for them: those of a hundred years
)

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

// add puts further occurrences into a set. One that is given as a date has the
// time of day of the others.
func add(set *rrule.Set, dates []string, opt rrule.ROption, w window, loc *time.Location) error {
	if len(dates) > mostDates {
		return fmt.Errorf("rdate: %d dates at most", mostDates)
	}
	hour, minute, second := opt.Dtstart.In(loc).Clock()
	hour, minute, second = only(opt.Byhour, hour), only(opt.Byminute, minute), only(opt.Bysecond, second)
	for _, s := range dates {
		t, err := moment(s, loc, false)
		if err != nil {
			return fmt.Errorf("rdate: %w", err)
		}
		if isDate(s) {
			t = earliest(time.Date(t.Year(), t.Month(), t.Day(), hour, minute, second, 0, loc))
		}
		if t.Before(opt.Dtstart) || !w.to.IsZero() && !t.Before(w.to) {
			return fmt.Errorf("rdate: %q is not between the first occurrence and the end of the freeze", s)
		}
		set.RDate(t)
	}
	return nil
}

// only gives the one number of a list, or else what holds without it.
func only(list []int, without int) int {
	if len(list) == 1 {
		return list[0]
	}
	return without
}

// isDate tells a date from a time.
func isDate(s string) bool { return len(s) == len(dateForm) }

// except takes occurrences out of a set: those that begin on a date, or the one
// that begins at a time. What the clock shows decides, so that one in an hour
// that comes twice, or never, is found as well. A date that takes nothing out is
// a mistake: whoever wrote it relies on it.
func except(set *rrule.Set, dates []string, loc *time.Location) error {
	if len(dates) > mostDates {
		return fmt.Errorf("exdate: %d dates at most", mostDates)
	}
	written, last := map[string]string{}, time.Time{} // by what the clock shows
	for _, s := range dates {
		t, err := moment(s, loc, false)
		if err != nil {
			return fmt.Errorf("exdate: %w", err)
		}
		form := secondForm
		if isDate(s) {
			form = dateForm
		}
		written[t.Format(form)] = s
		if end := t.AddDate(0, 0, 1); end.After(last) {
			last = end
		}
	}
	out, met := []time.Time{}, map[string]bool{}
	next := set.Iterator()
	for range mostOccurrences {
		start, ok := next()
		if !ok || start.After(last) {
			break
		}
		for _, form := range []string{dateForm, secondForm} {
			if shown := start.In(loc).Format(form); written[shown] != "" {
				out, met[shown] = append(out, start), true
			}
		}
	}
	for _, shown := range slices.Sorted(maps.Keys(written)) {
		if !met[shown] {
			return fmt.Errorf("exdate: on %q no occurrence begins", written[shown])
		}
	}
	if set.SetExDates(out); set.After(time.Time{}, true).IsZero() {
		return errors.New("exdate: no occurrence is left")
	}
	return nil
}
