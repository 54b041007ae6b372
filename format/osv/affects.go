package osv

import (
	"slices"
)

// Compare orders two versions of one ecosystem: negative when a is older.
type Compare func(a, b string) (int, error)

// Affects tells whether a version is vulnerable: it is listed, or a range
// includes it. The rules are those of the schema's section "evaluation".
// Ranges over git commits say nothing about versions and are passed over. An
// error of the comparison ends the evaluation.
func (a Affected) Affects(version string, compare Compare) (bool, error) {
	if slices.Contains(a.Versions, version) {
		return true, nil
	}
	for _, r := range a.Ranges {
		if in, err := r.Includes(version, compare); in || err != nil {
			return in, err
		}
	}
	return false, nil
}

// Includes tells whether the range includes a version.
func (r Range) Includes(version string, compare Compare) (bool, error) {
	if r.Type == RangeGit {
		return false, nil
	}
	before, err := r.beforeLimits(version, compare)
	if err != nil || !before {
		return false, err
	}
	// The state behind the newest event at or before the version decides. So
	// the events need no sorting: the greatest one that applies is kept.
	var last Event
	for _, e := range r.Events {
		applies, err := e.applies(version, compare)
		if err != nil {
			return false, err
		}
		if !applies {
			continue
		}
		later, err := e.after(last, compare)
		if err != nil {
			return false, err
		}
		if later {
			last = e
		}
	}
	return last.Introduced != "", nil
}

func (r Range) beforeLimits(version string, compare Compare) (bool, error) {
	limited := false
	for _, e := range r.Events {
		if e.Limit == "" {
			continue
		}
		limited = true
		if e.Limit == "*" {
			return true, nil
		}
		if c, err := compare(version, e.Limit); err != nil || c < 0 {
			return c < 0, err
		}
	}
	return !limited, nil
}

// applies tells whether the event has happened at a version.
func (e Event) applies(version string, compare Compare) (bool, error) {
	switch {
	case e.Introduced == "0":
		return true, nil
	case e.Limit != "":
		return false, nil
	}
	c, err := compare(version, e.at())
	return c > 0 || c == 0 && e.LastAffected == "", err
}

// after tells whether the event comes after another one that the record lists
// before it. At one version the order of the record holds, but for what ends
// only behind the version.
func (e Event) after(other Event, compare Compare) (bool, error) {
	if other == (Event{}) {
		return true, nil
	}
	if other.Introduced == "0" || e.Introduced == "0" {
		return e.Introduced != "0", nil
	}
	c, err := compare(e.at(), other.at())
	return c > 0 || c == 0 && e.rank() >= other.rank(), err
}

// at is the version where the event happens.
func (e Event) at() string {
	switch {
	case e.Introduced != "":
		return e.Introduced
	case e.Fixed != "":
		return e.Fixed
	}
	return e.LastAffected
}

func (e Event) rank() int {
	if e.LastAffected != "" {
		return 1
	}
	return 0
}
