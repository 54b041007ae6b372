package cli_test

import (
	"strings"
	"testing"
	"time"

	"fairlead.dev"
)

// A rollback says what it does while it does it, and nothing that was before.
func TestRollbackShowsItsProgress(t *testing.T) {
	w := newWorld()
	at := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	w.events = []fairlead.Record{{Seq: 3, ID: "b1/queued", Type: fairlead.RecordRunQueued, Subject: "what was", RunID: "b1", Time: at}}
	w.turning = []fairlead.Record{{Seq: 4, ID: "b1/turned", Type: fairlead.RecordRollbackStarted, Subject: "the turn", RunID: "b1", Time: at}}
	got := w.say(t.Context(), "rollback", "dev")
	want := "run b1\n   0.0s  sentence of the turn\nb1  all traffic is back\n"
	if got.code != 0 || got.out != want || got.err != "" {
		t.Errorf("exit %d, it writes\n%s%s\nwant\n%s", got.code, got.out, got.err, want)
	}
	w.err = problem(fairlead.KindConflict)
	if got := w.say(t.Context(), "rollback", "dev", "--json"); strings.Contains(got.out, "sentence") {
		t.Errorf("JSON is one document, not\n%s", got.out)
	}
}
