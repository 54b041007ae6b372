package gate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fairlead.dev"
)

// Dates that are taken out of a rule and dates that come to it, on the clock of
// the freeze's zone, also in the hours in which that is changed.
func TestDatesOfRules(t *testing.T) {
	weekend := fairlead.Freeze{ID: "weekend", RRule: "FREQ=WEEKLY;BYDAY=SA,SU", TZ: "Europe/Berlin"}
	evening := fairlead.Freeze{ID: "friday", From: "2026-01-02T16:00", RRule: "FREQ=WEEKLY;BYDAY=FR", Duration: fairlead.Duration(64 * time.Hour), TZ: "Europe/Berlin"}
	nightly := fairlead.Freeze{ID: "night", From: "2026-01-01T22:00", RRule: "FREQ=DAILY", Duration: fairlead.Duration(2 * time.Hour), TZ: "America/New_York"}
	early := fairlead.Freeze{ID: "early", From: "2026-01-01T02:30", RRule: "FREQ=DAILY", Duration: fairlead.Duration(time.Hour), TZ: "Europe/Berlin"}
	nine := fairlead.Freeze{ID: "nine", From: "2026-01-01", RRule: "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9;BYMINUTE=15", Duration: fairlead.Duration(time.Hour), TZ: "UTC"}
	without := func(f fairlead.Freeze, dates ...string) fairlead.Freeze { f.ExDate = dates; return f }
	with := func(f fairlead.Freeze, dates ...string) fairlead.Freeze { f.RDate = dates; return f }
	for _, tt := range []struct {
		name   string
		freeze fairlead.Freeze
		at     string
		until  string // "" = it does not hold
	}{
		{"its first second", without(weekend, "2026-08-08"), "2026-08-07T22:00:00Z", ""},
		{"its last second", without(weekend, "2026-08-08"), "2026-08-08T21:59:59Z", ""},
		{"the day after it", without(weekend, "2026-08-08"), "2026-08-08T22:00:00Z", "2026-08-09T22:00:00Z"},
		{"the day before it ends there", without(weekend, "2026-08-09"), "2026-08-08T10:00:00Z", "2026-08-08T22:00:00Z"},
		{"a week later", without(weekend, "2026-08-08"), "2026-08-15T10:00:00Z", "2026-08-16T22:00:00Z"},
		{"all that begins on it", without(evening, "2026-07-10"), "2026-07-12T10:00:00Z", ""},
		{"by its time", without(evening, "2026-07-10T16:00"), "2026-07-10T14:00:00Z", ""},
		{"the next", without(evening, "2026-07-10"), "2026-07-17T14:00:00Z", "2026-07-20T06:00:00Z"},
		{"a day in New York", without(nightly, "2026-01-15"), "2026-01-16T03:30:00Z", ""},
		{"the day after in New York", without(nightly, "2026-01-15"), "2026-01-17T03:30:00Z", "2026-01-17T05:00:00Z"},
		{"an hour that comes twice, the first", without(early, "2026-10-25T02:30"), "2026-10-25T00:30:00Z", ""},
		{"an hour that comes twice, the second", without(early, "2026-10-25T02:30"), "2026-10-25T01:30:00Z", ""},
		{"the day after that", without(early, "2026-10-25T02:30"), "2026-10-26T01:30:00Z", "2026-10-26T02:30:00Z"},
		{"an hour that never comes", without(early, "2026-03-29T02:30"), "2026-03-29T01:30:00Z", ""},
		{"before an hour that never comes", without(early, "2026-03-29T02:30"), "2026-03-29T00:30:00Z", ""},
		{"the day of it", without(early, "2026-03-29"), "2026-03-29T01:30:00Z", ""},

		{"a date, at the time of the others", with(evening, "2026-12-22"), "2026-12-22T15:00:00Z", "2026-12-25T07:00:00Z"},
		{"not before", with(evening, "2026-12-22"), "2026-12-22T14:59:59Z", ""},
		{"up to the next", with(evening, "2026-12-23"), "2026-12-23T15:00:00Z", "2026-12-28T07:00:00Z"},
		{"at a time", with(weekend, "2026-12-22T09:00"), "2026-12-22T08:00:00Z", "2026-12-23T08:00:00Z"},
		{"at the time that the rule says", with(nine, "2026-12-22"), "2026-12-22T09:15:00Z", "2026-12-22T10:15:00Z"},
		{"in the hour that comes twice", with(weekend, "2026-10-25T02:30"), "2026-10-26T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"taken out again", without(with(evening, "2026-12-22"), "2026-12-22"), "2026-12-22T15:00:00Z", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			held := Frozen([]fairlead.Freeze{tt.freeze}, at(t, tt.at))
			got := ""
			if len(held) > 0 {
				got = held[0].Until.UTC().Format(time.RFC3339) + strings.TrimPrefix(held[0].Reason, tt.freeze.Reason)
			}
			if got != tt.until {
				t.Errorf("holds until %q, want %q", got, tt.until)
			}
		})
	}
}

func TestDatesThatAreRefused(t *testing.T) {
	friday := fairlead.Freeze{From: "2026-01-02T16:00", RRule: "FREQ=WEEKLY;BYDAY=FR", TZ: "UTC"}
	for name, c := range map[string]struct {
		change func(f *fairlead.Freeze)
		says   string
	}{
		"without a rule":  {func(f *fairlead.Freeze) { f.RRule, f.ExDate = "", []string{"2026-01-02"} }, "about the occurrences of a rule"},
		"no time":         {func(f *fairlead.Freeze) { f.ExDate = []string{"20260109T160000"} }, "exdate: \"20260109T160000\" is not a time"},
		"no occurrence":   {func(f *fairlead.Freeze) { f.ExDate = []string{"2026-01-09", "2026-01-10"} }, "exdate: on \"2026-01-10\" no occurrence begins"},
		"at another time": {func(f *fairlead.Freeze) { f.ExDate = []string{"2026-01-09T17:00"} }, "no occurrence begins"},
		"before the rule": {func(f *fairlead.Freeze) { f.ExDate = []string{"2025-12-26"} }, "no occurrence begins"},
		"after the rule":  {func(f *fairlead.Freeze) { f.To, f.ExDate = "2026-02-01", []string{"2026-02-06"} }, "no occurrence begins"},
		"at the end of the calendar": {func(f *fairlead.Freeze) {
			f.RRule, f.ExDate = "FREQ=DAILY", []string{"9999-12-31"}
		}, "no occurrence begins"},
		"nothing is left":      {func(f *fairlead.Freeze) { f.RRule += ";COUNT=1"; f.ExDate = []string{"2026-01-02"} }, "no occurrence is left"},
		"added before":         {func(f *fairlead.Freeze) { f.RDate = []string{"2025-12-31"} }, "rdate: \"2025-12-31\" is not between"},
		"added after":          {func(f *fairlead.Freeze) { f.To, f.RDate = "2026-02-01", []string{"2026-02-02"} }, "is not between"},
		"added at no time":     {func(f *fairlead.Freeze) { f.RDate = []string{"soon"} }, "rdate: \"soon\" is not a time"},
		"too many":             {func(f *fairlead.Freeze) { f.ExDate = slices.Repeat([]string{"2026-01-09"}, mostDates+1) }, "400 dates at most"},
		"too many to be added": {func(f *fairlead.Freeze) { f.RDate = slices.Repeat([]string{"2026-01-09"}, mostDates+1) }, "400 dates at most"},
	} {
		f := friday
		c.change(&f)
		if err := CheckFreeze(f); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s", name, err, c.says)
		}
		if held := Frozen([]fairlead.Freeze{f}, at(t, "2026-06-01T00:00:00Z")); len(held) != 1 {
			t.Errorf("%s: what cannot be read must hold", name)
		}
	}
}

// A date that is taken out never makes a freeze hold longer, and what it takes
// out holds no more.
func TestExceptionsOnlyLoosen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := fairlead.Freeze{
			ID: "f", From: "2025-01-03T02:30", RRule: "FREQ=WEEKLY;BYDAY=SU,WE",
			TZ:       rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"}).Draw(t, "tz"),
			Duration: fairlead.Duration(time.Duration(rapid.IntRange(1, 60).Draw(t, "hours")) * time.Hour),
		}
		loc, err := time.LoadLocation(f.TZ)
		if err != nil {
			t.Fatal(err)
		}
		out := f
		sunday := time.Date(2025, 1, 5+7*rapid.IntRange(0, 150).Draw(t, "week"), 0, 0, 0, 0, loc)
		out.ExDate = []string{sunday.Format(dateForm)}
		now := sunday.Add(time.Duration(rapid.IntRange(-80, 80).Draw(t, "hours away")) * time.Hour)
		before, after := Frozen([]fairlead.Freeze{f}, now), Frozen([]fairlead.Freeze{out}, now)
		if len(after) > len(before) || len(after) == 1 && after[0].Until.After(before[0].Until) {
			t.Fatalf("at %s it held %v, without %s it holds %v", now, before, out.ExDate, after)
		}
		began := time.Date(sunday.Year(), sunday.Month(), sunday.Day(), 3, 31, 0, 0, loc)
		if held := Frozen([]fairlead.Freeze{out}, began); len(held) > 0 {
			t.Fatalf("at %s it still holds: %v", began, held)
		}
	})
}
