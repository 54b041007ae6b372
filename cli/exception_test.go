package cli_test

import (
	"testing"
	"time"
)

// An exception is asked for, approved and revoked by the words of the flags.
func TestException(t *testing.T) {
	w := newWorld()
	w.say(t.Context(), "exception", "request", "--vulnerability", "GO-1", "--environment", "production", "--for", "24h", "--reason", "no time").
		wants(t, 0, "exception x1 is asked for by ada", "fairlead exception approve x1")
	if !w.heard("excuse GO-1 production " + (24 * time.Hour).String() + " no time") {
		t.Errorf("asked %v", w.asked)
	}
	w.say(t.Context(), "exception", "approve", "x1", "--key", "k").wants(t, 0, "bob approves exception x1")
	w.say(t.Context(), "exception", "revoke", "x1", "--reason", "mended", "--json").wants(t, 0, `"revoked"`)
	w.say(t.Context(), "exception", "approve").wants(t, 2, "arg")
	w.say(t.Context(), "findings", "list", "--severity", "grave").wants(t, 2, `not "grave"`)
	w.say(t.Context(), "findings", "export").wants(t, 2, "--sarif names the file")
}
