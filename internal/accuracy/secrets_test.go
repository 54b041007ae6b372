package main

import (
	"bytes"
	"testing"

	"fairlead.dev/credential"
)

// The page says what was measured once; this holds the engine to it.
func TestSecretsAreFoundAndTwinsAreNot(t *testing.T) {
	_, by, err := secrets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var sum tally
	for _, k := range by {
		sum.add(*k)
	}
	if sum.files < 120*seeds {
		t.Errorf("%d files, want at least %d", sum.files, 120*seeds)
	}
	if sum.recall() < 0.985 || sum.precision() < 0.99 {
		t.Errorf("recall %.3f, precision %.3f\nmissed %v\nfalse %v", sum.recall(), sum.precision(), sum.misses, sum.falses)
	}
}

func TestTheCorpusIsTheSameForASeed(t *testing.T) {
	a, err := corpus(1)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := corpus(1)
	c, _ := corpus(2)
	if !bytes.Equal(a[0].file.content, b[0].file.content) {
		t.Error("one seed gives two corpora")
	}
	if bytes.Equal(a[0].file.content, c[0].file.content) {
		t.Error("two seeds give the same values")
	}
}

// A score that cannot fail would say nothing.
func TestScoreTellsMissesAndFalseHits(t *testing.T) {
	all, err := corpus(1)
	if err != nil {
		t.Fatal(err)
	}
	s := all[0]
	none := score(s, nil, nil)
	if none.found != 0 || len(none.misses) != len(s.file.secrets) {
		t.Errorf("nothing found gives %+v", none)
	}
	beside := score(s, []credential.Hit{{Line: 1, Value: "production"}}, []credential.Hit{{Line: 1}})
	if beside.right != 0 || beside.wrong != 2 || beside.flagged != 1 {
		t.Errorf("hits beside secrets give %+v", beside)
	}
}
