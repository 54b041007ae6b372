package pipeline

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
)

// The dates of a freeze's rule are those of the plan, as they were written, and
// a freeze without any has none.
func TestDatesOfFreezes(t *testing.T) {
	p := mustPlan(t, shop+`
freezes:
  - {name: weekends, rrule: "FREQ=WEEKLY;BYDAY=FR", from: 2026-01-02T16:00, exdate: [2026-12-18, 2026-12-25T16:00], rdate: [2026-12-23]}
  - {name: night, rrule: FREQ=DAILY}
people: {alice: {emails: [alice@example.org], accounts: [alice]}}
`, push("main"))
	f := p.Safeguards.Freezes[0]
	if !slices.Equal(f.ExDate, []string{"2026-12-18", "2026-12-25T16:00"}) || !slices.Equal(f.RDate, []string{"2026-12-23"}) {
		t.Errorf("the freeze is %+v", f)
	}
	raw, err := json.Marshal(p.Safeguards.Freezes[1])
	if err != nil || strings.Contains(string(raw), "date") {
		t.Errorf("a freeze without dates is %s, %v", raw, err)
	}
}

// What is wrong with the dates is said at the freeze.
func TestDatesOfFreezesAreChecked(t *testing.T) {
	cat := testCatalog()
	var seen fairlead.Freeze
	cat.CheckFreeze = func(f fairlead.Freeze) error {
		seen = f
		return nil
	}
	_, err := Read(Source{Name: "fairlead.yaml", Data: []byte(shop + "\nfreezes: [{name: a, rrule: FREQ=DAILY, exdate: [soon]}]\n")}, cat)
	if err != nil || !slices.Equal(seen.ExDate, []string{"soon"}) {
		t.Errorf("checked is %+v, %v", seen, err)
	}
}
