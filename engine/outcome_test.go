package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"fairlead.dev"
	"pgregory.net/rapid"
)

func TestOutcomeSurvivesTheRecord(t *testing.T) {
	type result struct {
		Name  string
		Count int64
		Tags  map[string]string
		Next  *string
	}
	rapid.Check(t, func(t *rapid.T) {
		in := result{
			Name:  rapid.String().Draw(t, "name"),
			Count: rapid.Int64().Draw(t, "count"),
			Tags:  rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "tags"),
			Next:  rapid.Ptr(rapid.String(), true).Draw(t, "next"),
		}
		out, err := unseal[result](seal(in, nil))
		want, _ := json.Marshal(in)
		got, _ := json.Marshal(out)
		if err != nil || string(got) != string(want) {
			t.Fatalf("%s, %v; want %s", got, err, want)
		}
		again, err := unseal[result](seal(unseal[result](seal(in, nil))))
		if second, _ := json.Marshal(again); err != nil || string(second) != string(got) {
			t.Fatalf("a second record differs: %s, %v; want %s", second, err, got)
		}
	})
}

func TestErrorsSurviveTheRecord(t *testing.T) {
	problem := &fairlead.Problem{Op: "push", Kind: fairlead.KindTransient, Hint: "again", Err: errors.New("reset")}
	for _, c := range []struct {
		err  error
		text string
		kind fairlead.Kind
		hint string
	}{
		{errors.New("plain"), "plain", fairlead.KindInternal, ""},
		{errors.New(""), "unknown error", fairlead.KindInternal, ""},
		{problem, "push: reset", fairlead.KindTransient, "again"},
		{fmt.Errorf("outer: %w", problem), "outer: push: reset", fairlead.KindTransient, "again"},
	} {
		_, err := unseal[int](seal(7, c.err))
		if err == nil || err.Error() != c.text || fairlead.KindOf(err) != c.kind || fairlead.HintOf(err) != c.hint {
			t.Errorf("%v: %v (%s, %q); want %s (%s, %q)", c.err, err, fairlead.KindOf(err), fairlead.HintOf(err), c.text, c.kind, c.hint)
		}
	}
}

func TestResultWithoutJSONIsAnError(t *testing.T) {
	if _, err := unseal[any](seal[any](make(chan int), nil)); fairlead.KindOf(err) != fairlead.KindInternal {
		t.Errorf("%v", err)
	}
}

func FuzzUnseal(f *testing.F) {
	f.Add([]byte(`{"value":{"a":"b"}}`))
	f.Add([]byte(`{"fault":{"op":"x","kind":"denied","cause":"y"}}`))
	f.Add([]byte(`{"error":"text"}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := unseal[map[string]string](raw)
		if err != nil {
			return
		}
		again, err := unseal[map[string]string](seal(v, nil))
		if err != nil || len(again) != len(v) {
			t.Errorf("%v became %v, %v", v, again, err)
		}
	})
}
