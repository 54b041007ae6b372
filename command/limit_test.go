package command_test

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"fairlead.dev/command"
)

// However the writes are cut: what fits is whole, and of what does not fit the
// first and last bytes stay with the true count between them.
func TestLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head, tail := rapid.IntRange(0, 20).Draw(t, "head"), rapid.IntRange(0, 20).Draw(t, "tail")
		var whole []byte
		var got bytes.Buffer
		l := command.NewLimit(&got, int64(head), int64(tail))
		for range rapid.IntRange(0, 12).Draw(t, "writes") {
			p := rapid.SliceOfN(rapid.ByteRange('a', 'z'), 0, 30).Draw(t, "p")
			whole = append(whole, p...)
			if n, err := l.Write(p); n != len(p) || err != nil {
				t.Fatalf("wrote %d of %d: %v", n, len(p), err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		want := string(whole)
		if out := len(whole) - head - tail; out > 0 {
			want = fmt.Sprintf("%s\n... %d bytes left out ...\n%s", whole[:head], out, whole[len(whole)-tail:])
		}
		if got.String() != want {
			t.Fatalf("head %d tail %d: got %q, want %q", head, tail, got.String(), want)
		}
	})
}

func TestTailLines(t *testing.T) {
	tail := command.NewTail(20)
	for i := range 10 {
		fmt.Fprintf(tail, "line %d\n\n", i)
	}
	for n, want := range map[int]string{0: "", 1: "line 9", 2: "line 8\nline 9"} {
		if got := tail.Lines(n); got != want {
			t.Errorf("last %d lines are %q, want %q", n, got, want)
		}
	}
	if got := command.NewTail(10).Lines(3); got != "" {
		t.Errorf("nothing was written, got %q", got)
	}
}
