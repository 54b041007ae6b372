package cli_test

import (
	"strings"
	"testing"
)

func TestPromoteFollowsItsRun(t *testing.T) {
	w := happened()
	w.ending <- w.run
	got := w.say(t.Context(), "promote", "--from", "staging", "--to", "production", "--release", "beef")
	got.wants(t, 0)
	if !w.heard("promote staging production beef") || !strings.HasPrefix(got.out, "run r1\n") || !strings.Contains(got.out, "success: it is live") {
		t.Errorf("asked %v, it writes\n%s", w.asked, got.out)
	}
}

func TestPromoteDryRunSaysWhatIsTakenOver(t *testing.T) {
	w := newWorld()
	got := w.say(t.Context(), "promote", "--from", "staging", "--to", "production", "--dry-run")
	got.wants(t, 0)
	for _, want := range []string{
		"0123456789 from staging to production, release beef of run r0", "bin/shop  sha256:a0",
		"unit   taken over  proven by run r0", "valid until 2001-09-09 01:46:40Z, evidence ee", "full   done again  nothing has proven it",
	} {
		if !strings.Contains(got.out, want) {
			t.Errorf("no %q in\n%s", want, got.out)
		}
	}
}

// A dry run of what cannot be done says so, and by its exit code.
func TestPromoteDryRunThatIsBlocked(t *testing.T) {
	w := newWorld()
	got := w.say(t.Context(), "promote", "--from", "staging", "--to", "production", "--release", "gone", "--dry-run")
	got.wants(t, 1)
	if !strings.Contains(got.out, "missing") || !strings.Contains(got.err, "the content is gone\nhint: a promotion never builds") {
		t.Errorf("it writes\n%s%s", got.out, got.err)
	}
}

func TestPromoteOfWhatIsLive(t *testing.T) {
	w := newWorld()
	got := w.say(t.Context(), "promote", "--from", "staging", "--to", "dev")
	got.wants(t, 0)
	if got.out != "release feed is live in dev already: nothing to do\n" {
		t.Errorf("it writes\n%s", got.out)
	}
}

func TestPromoteNeedsBothEnvironments(t *testing.T) {
	w := newWorld()
	got := w.say(t.Context(), "promote", "--from", "staging")
	got.wants(t, 2)
	if !strings.Contains(got.err, "--from and --to are needed") {
		t.Errorf("it writes\n%s", got.err)
	}
}
