package worker_test

import (
	"encoding/json"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/flow"
)

// An artifact that is named after a secret is refused: its name would be
// signed and kept.
func TestArtifactNamedAfterASecret(t *testing.T) {
	const secret = "hunter2-very-secret"
	t.Setenv("SHOP_TOKEN", secret)
	s := newShed(t)
	tr, ev := s.execute(s.build(`mkdir bin; touch "bin/$SHOP_TOKEN"`, func(o *flow.Order) { o.Task.Env = []string{"SHOP_TOKEN"} }))
	doc, err := json.Marshal([]any{tr, ev})
	if err != nil || tr.Result != fairlead.ResultFailure || strings.Contains(string(doc), secret) || len(ev) > 0 {
		t.Errorf("%s: %s: %s %v", tr.Result, tr.Reason, doc, err)
	}
}
