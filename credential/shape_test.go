package credential

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestShapeOf(t *testing.T) {
	for expression, want := range map[string]shape{
		`ghp_[0-9a-zA-Z]{36}`:          {whole: true, head: 40, tail: 40, run: 40, most: 40},
		`(?i)sk-[a-z]{2,4}(?:[\s;]|$)`: {head: 5, run: 5, most: 8},
		`\b(a{3}|b{5}:c{7}d)`:          {head: 3, tail: 3, run: 3, most: 14},
		`["'][a-z0-9+/]{8,}={0,3}["']`: {run: 8, most: endless},
		`.*`:                           {most: endless},
		`(?:ab:){3}`:                   {head: 2, run: 2, most: 9},
		`x(?:y:)?z`:                    {head: 1, tail: 1, run: 1, most: 4},
		`not an (expression`:           {most: endless},
		`[\x60'"\s=]{0,5}([a-f0-9]{8}:[a-f0-9]{8})\z`: {tail: 8, run: 8, most: 22},
	} {
		if got := shapeOf(expression); got != want {
			t.Errorf("%s: %+v, want %+v", expression, got, want)
		}
	}
}

// Whatever matches a rule passes what is asked before the rule is tried.
func TestMatchesPass(t *testing.T) {
	l, err := newLeaks(false)
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, r := range l.rules {
		if r.Regex == nil {
			continue
		}
		for seed := range 10 {
			text, ok := example(r.Regex.String(), seed)
			if !ok || !r.Regex.MatchString(text) {
				continue
			}
			made++
			at := r.Regex.FindStringIndex(text)
			match := []byte(text[at[0]:at[1]])
			if !runs(match, 0, len(match), r.run) || len(match) > r.most {
				t.Errorf("%s: %q has no run of %d or is longer than %d", r.RuleID, match, r.run, r.most)
			}
			if low := strings.ToLower(string(match)); !assigns(r, low) {
				t.Errorf("%s: %q is not seen to have a value", r.RuleID, match)
			}
		}
	}
	t.Logf("%d texts", made)
	if made < 1500 {
		t.Errorf("only %d texts were made", made)
	}
}

// assigns tells whether one of the keywords of a text would make the rule be
// tried; a text without any proves nothing.
func assigns(r *rule, text string) bool {
	stands := false
	for _, word := range r.Keywords {
		for _, word := range keywords(strings.ToLower(word)) {
			u := r.use(0, word)
			for at := 0; ; at++ {
				i := strings.Index(text[at:], word)
				if i < 0 {
					break
				}
				at += i
				if stands = true; !u.assigned || follows([]byte(text[at+len(word):]), r.value, false) {
					return true
				}
			}
		}
	}
	return !stands
}

// example makes a text of an expression, unless the generator cannot.
func example(expression string, seed int) (text string, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	text = rapid.StringMatching(expression).Example(seed)
	return strings.NewReplacer("ſ", "s", "\u212a", "k").Replace(text), true // no key has them, see runes
}
