package gate

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fairlead.dev"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// The edges of windows, on the clock of their zone, also where that is changed.
func TestEdgesOfFreezes(t *testing.T) {
	yearEnd := fairlead.Freeze{ID: "year-end", From: "2026-12-20", To: "2027-01-03", TZ: "Europe/Berlin"}
	weekend := fairlead.Freeze{ID: "weekend", RRule: "FREQ=WEEKLY;BYDAY=SA,SU", TZ: "Europe/Berlin"}
	evening := fairlead.Freeze{ID: "friday", From: "2026-01-02T16:00", RRule: "FREQ=WEEKLY;BYDAY=FR", Duration: fairlead.Duration(64 * time.Hour), TZ: "Europe/Berlin"}
	nightly := fairlead.Freeze{ID: "night", From: "2026-01-01T22:00", To: "2026-01-31", RRule: "FREQ=DAILY", Duration: fairlead.Duration(2 * time.Hour), TZ: "America/New_York"}
	for _, tt := range []struct {
		name   string
		freeze fairlead.Freeze
		at     string
		until  string // "" = it does not hold, "never" = it has no end
	}{
		{"a second before", yearEnd, "2026-12-19T22:59:59Z", ""},
		{"at its first second", yearEnd, "2026-12-19T23:00:00Z", "2027-01-03T23:00:00Z"},
		{"in its last second", yearEnd, "2027-01-03T22:59:59Z", "2027-01-03T23:00:00Z"},
		{"at its end", yearEnd, "2027-01-03T23:00:00Z", ""},
		{"saturday midnight, summer time", weekend, "2026-08-07T22:00:00Z", "2026-08-09T22:00:00Z"},
		{"before it", weekend, "2026-08-07T21:59:59Z", ""},
		{"a sunday of 25 hours", weekend, "2026-10-25T22:30:00Z", "2026-10-25T23:00:00Z"},
		{"from a saturday into it", weekend, "2026-10-24T10:00:00Z", "2026-10-25T23:00:00Z"},
		{"a sunday of 23 hours", weekend, "2026-03-29T21:59:59Z", "2026-03-29T22:00:00Z"},
		{"after it", weekend, "2026-03-29T22:00:00Z", ""},
		{"friday afternoon, winter", evening, "2026-01-09T15:00:00Z", "2026-01-12T07:00:00Z"},
		{"friday afternoon, summer", evening, "2026-07-10T14:00:00Z", "2026-07-13T06:00:00Z"},
		{"an hour too early in winter", evening, "2026-01-09T14:30:00Z", ""},
		{"at night in New York", nightly, "2026-01-16T03:30:00Z", "2026-01-16T05:00:00Z"},
		{"the last night", nightly, "2026-02-01T03:30:00Z", "2026-02-01T05:00:00Z"},
		{"when the series is over", nightly, "2026-02-02T03:30:00Z", ""},
		{"twice in autumn, the first", fairlead.Freeze{ID: "x", From: "2026-10-25T02:30", To: "2026-10-25T02:50", TZ: "Europe/Berlin"}, "2026-10-25T00:30:00Z", "2026-10-25T01:50:00Z"},
		{"before the first", fairlead.Freeze{ID: "x", From: "2026-10-25T02:30", TZ: "Europe/Berlin"}, "2026-10-25T00:29:59Z", ""},
		{"daily in autumn", fairlead.Freeze{ID: "x", From: "2026-10-20T02:30", RRule: "FREQ=DAILY", Duration: fairlead.Duration(time.Hour), TZ: "Europe/Berlin"}, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"twice on an island, by half an hour", fairlead.Freeze{ID: "x", From: "2026-04-05T01:45", To: "2026-04-05T01:50", TZ: "Australia/Lord_Howe"}, "2026-04-04T14:45:00Z", "2026-04-04T15:20:00Z"},
		{"since ever", fairlead.Freeze{ID: "x", To: "2026-01-01", TZ: "UTC"}, "1999-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
		{"until a second", fairlead.Freeze{ID: "x", To: "2026-01-01T10:00:30", TZ: "UTC"}, "2026-01-01T10:00:29Z", "2026-01-01T10:00:30Z"},
		{"for good", fairlead.Freeze{ID: "x", From: "2026-01-01", TZ: "UTC"}, "2030-01-01T00:00:00Z", "never"},
		{"every day there is", fairlead.Freeze{ID: "x", RRule: "FREQ=DAILY", TZ: "UTC"}, "2030-01-01T00:00:00Z", "never"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			held := Frozen([]fairlead.Freeze{tt.freeze}, at(t, tt.at))
			got := ""
			if len(held) > 0 {
				got = "never"
				if !held[0].Until.IsZero() {
					got = held[0].Until.UTC().Format(time.RFC3339)
				}
			}
			if got != tt.until {
				t.Errorf("holds until %q, want %q", got, tt.until)
			}
		})
	}
}

func TestFreezesThatCannotBeRead(t *testing.T) {
	every := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, strconv.Itoa(i))
		}
		return strings.Join(all, ",")
	}
	for name, c := range map[string]struct {
		freeze fairlead.Freeze
		says   string
	}{
		"zone":           {fairlead.Freeze{TZ: "Mars/Olympus", From: "2026-01-01"}, "not a time zone"},
		"antique":        {fairlead.Freeze{TZ: "UTC", From: "1000-01-01", RRule: "FREQ=DAILY"}, "before the year 1970"},
		"time":           {fairlead.Freeze{TZ: "UTC", From: "soon"}, "not a time such as"},
		"order":          {fairlead.Freeze{TZ: "UTC", From: "2026-01-02", To: "2026-01-01"}, "before it begins"},
		"rule":           {fairlead.Freeze{TZ: "UTC", RRule: "FREQ=SOMETIMES"}, "not an RFC 5545 rule"},
		"hourly":         {fairlead.Freeze{TZ: "UTC", RRule: "FREQ=HOURLY"}, "comes back daily at most"},
		"each second":    {fairlead.Freeze{TZ: "UTC", RRule: "FREQ=DAILY;BYHOUR=" + every(24) + ";BYMINUTE=" + every(60) + ";BYSECOND=" + every(60)}, "comes back daily at most"},
		"two hours":      {fairlead.Freeze{TZ: "UTC", RRule: "FREQ=DAILY;BYHOUR=1,2"}, "comes back daily at most"},
		"begin":          {fairlead.Freeze{TZ: "UTC", RRule: "DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY"}, "first occurrence is given by"},
		"too long":       {fairlead.Freeze{TZ: "UTC", RRule: "FREQ=DAILY;BYMONTHDAY=" + strings.Repeat("1,", 1000) + "1"}, "one line"},
		"duration":       {fairlead.Freeze{TZ: "UTC", RRule: "FREQ=DAILY", Duration: fairlead.Duration(10_000 * time.Hour)}, "one occurrence lasts from"},
		"backwards":      {fairlead.Freeze{TZ: "UTC", RRule: "FREQ=DAILY", Duration: fairlead.Duration(-5 * time.Hour)}, "one occurrence lasts from"},
		"without a rule": {fairlead.Freeze{TZ: "UTC", From: "2026-01-01", Duration: fairlead.Duration(5 * time.Hour)}, "of one occurrence of a rule"},
		"no interval":    {fairlead.Freeze{TZ: "UTC", RRule: "FREQ=DAILY;INTERVAL=0"}, "1 or more"},
		"no count":       {fairlead.Freeze{TZ: "UTC", RRule: "FREQ=DAILY;COUNT=0;BYDAY=MO"}, "1 or more"},
		"never":          {fairlead.Freeze{TZ: "UTC", RRule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "never comes"},
		"never by day":   {fairlead.Freeze{TZ: "UTC", RRule: "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}, "never comes"},
		"over before":    {fairlead.Freeze{TZ: "UTC", From: "2026-01-05", To: "2026-01-06", RRule: "FREQ=YEARLY;BYMONTH=7"}, "never comes"},
	} {
		err := CheckFreeze(c.freeze)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s", name, err, c.says)
		}
		if held := Frozen([]fairlead.Freeze{c.freeze}, at(t, "2026-06-01T00:00:00Z")); len(held) != 1 {
			t.Errorf("%s: what cannot be read must hold", name)
		}
	}
}

func TestRareFreezesCanBeRead(t *testing.T) {
	for _, rule := range []string{"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "RRULE:FREQ=DAILY;BYHOUR=9;COUNT=10", "FREQ=YEARLY;INTERVAL=10", "FREQ=MONTHLY;BYDAY=-1FR"} {
		if err := CheckFreeze(fairlead.Freeze{TZ: "UTC", From: "2026-01-01", RRule: rule}); err != nil {
			t.Errorf("%s: %v", rule, err)
		}
	}
}

// What a freeze says of its end is true: it holds until then and not at it.
func TestUntilIsTheEnd(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}
	rapid.Check(t, func(t *rapid.T) {
		f := fairlead.Freeze{
			ID: "f", TZ: rapid.SampledFrom(zones).Draw(t, "tz"), RRule: rapid.SampledFrom([]string{
				"FREQ=WEEKLY;BYDAY=SA,SU", "FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=DAILY;INTERVAL=3", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24",
			}).Draw(t, "rule"),
			From:     rapid.SampledFrom([]string{"", "2025-01-03T17:30", "2025-01-01"}).Draw(t, "from"),
			Duration: fairlead.Duration(time.Duration(rapid.IntRange(1, 60).Draw(t, "hours")) * time.Hour),
		}
		now := time.Unix(rapid.Int64Range(1_750_000_000, 1_850_000_000).Draw(t, "now"), 0)
		held := Frozen([]fairlead.Freeze{f}, now)
		if len(held) == 0 {
			if thaw := Thaw([]fairlead.Freeze{f}, now); !thaw.Equal(now) {
				t.Fatalf("it does not hold and ends at %s", thaw)
			}
			return
		}
		until := held[0].Until
		if until.IsZero() {
			t.Fatalf("%s has no end", f.RRule)
		}
		if !until.After(now) || len(Frozen([]fairlead.Freeze{f}, until.Add(-time.Second))) == 0 || len(Frozen([]fairlead.Freeze{f}, until)) > 0 {
			t.Fatalf("at %s it says until %s", now, until)
		}
	})
}
