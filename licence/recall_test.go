package licence_test

import (
	"maps"
	"strings"
	"testing"

	"fairlead.dev/licence"
)

// TestRecall holds that what a finder kept spares the next one the work, says
// the same, and that what cannot be read is recognised again.
func TestRecall(t *testing.T) {
	texts := []licence.Text{{Path: "LICENSE", Content: string(own(t))}}
	first := licence.NewFinder(licence.Places{})
	want := first.Judge(texts, "here", "")
	kept := first.Kept()
	if len(kept) != 1 || want.Expression.String() != "Apache-2.0" {
		t.Fatalf("kept %v of %s", kept, want.Expression)
	}
	second := licence.NewFinder(licence.Places{})
	second.Recall(kept)
	if got := second.Judge(texts, "here", ""); got.Expression.String() != want.Expression.String() || got.Known != want.Known || !maps.Equal(second.Kept(), kept) {
		t.Errorf("recalled is %+v, was %+v", got, want)
	}
	for sum := range kept { // what was kept is taken, and not recognised again
		other := licence.NewFinder(licence.Places{})
		other.Recall(map[string]licence.Recalled{sum: {Expression: "MIT", Percent: 100, OK: true}})
		if got := other.Judge(texts, "here", ""); got.Expression.String() != "MIT" {
			t.Errorf("%s was recognised again", got.Expression)
		}
		broken := licence.NewFinder(licence.Places{})
		broken.Recall(map[string]licence.Recalled{sum: {Expression: "MIT WITH", OK: true}, "no sum": {OK: true}, strings.Repeat("a", 200): {}})
		if got := broken.Judge(texts, "here", ""); got.Expression.String() != "Apache-2.0" {
			t.Errorf("%s of what cannot be read", got.Expression)
		}
	}
}
