package worktree_test

import (
	"fmt"
	"testing"

	"fairlead.dev"
)

func TestSince(t *testing.T) {
	h := newHistory(t)
	r := h.open()
	for name, c := range map[string]struct {
		base, commit, paths string
		authors             bool
	}{
		"nothing is new":   {h.third, h.third, "[]", false},
		"several commits":  {h.first, h.third, `["-dash" "a.txt" "dir/c.txt" "sp ace/ü\nline"]`, true},
		"back to an older": {h.third, h.second, `["dir/c.txt"]`, false},
	} {
		authors, paths, err := r.Since(t.Context(), c.base, c.commit)
		if err != nil || fmt.Sprintf("%q", paths) != c.paths || (len(authors) > 0) != c.authors {
			t.Errorf("%s: %q %q %v", name, authors, paths, err)
		}
	}
	_, _, err := r.Since(t.Context(), "0123456789012345678901234567890123456789", h.third)
	if fairlead.KindOf(err) != fairlead.KindNotFound || fairlead.HintOf(err) == "" {
		t.Errorf("a live commit that is not here: %v", err)
	}
}
