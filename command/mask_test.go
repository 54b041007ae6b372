//go:build linux

package command_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fairlead.dev/command"
)

func TestRedact(t *testing.T) {
	for _, test := range []struct {
		name, in string
		secrets  []string
		want     string
	}{
		{"plain", "password is hunter2hunter2.", []string{"hunter2hunter2"}, "password is ***."},
		{"no secrets", "as it is", nil, "as it is"},
		{"short ones stay", "abcde abcdef", []string{"abcde", "abcdef"}, "abcde ***"},
		{"longest wins", "token-extended token", []string{"token-", "token-extended"}, "*** token"},
		{"overlapping are covered whole", "x abcdefghij x", []string{"abcdefg", "defghij"}, "x *** x"},
		{"overlapping itself", "aaaaaaaaa", []string{"aaaaaa"}, "***"},
		{"each line of a key", "-- line-one\n-- line-two\n-- x\n", []string{"line-one\r\nline-two\nx\n"}, "-- ***\n-- ***\n-- x\n"},
		{"beginning only", "hunter2hunter", []string{"hunter2hunter2"}, "hunter2hunter"},
		{"false start", "secsecret!", []string{"secret!"}, "sec***"},
		{"binary", "a\x00\xff\xfe\x00\x01\x02b", []string{"\xff\xfe\x00\x01\x02b"}, "a\x00***"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := command.Redact(test.in, test.secrets); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// However the writes are cut, the outcome is that of the simple definition:
// a byte is masked when it belongs to an occurrence of a secret.
func TestMaskDoesNotDependOnChunks(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("abc")), 0, 200, -1)
	secret := rapid.StringOfN(rapid.SampledFrom([]rune("abc")), 6, 9, -1)
	rapid.Check(t, func(t *rapid.T) {
		secrets := rapid.SliceOfN(secret, 1, 4).Draw(t, "secrets")
		parts := rapid.SliceOfN(rapid.OneOf(text, rapid.SampledFrom(secrets)), 1, 5).Draw(t, "parts")
		whole := strings.Join(parts, "")
		var got bytes.Buffer
		m := command.NewMask(&got, secrets)
		for rest := whole; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "chunk")
			if _, err := m.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if want := simpleMask(whole, secrets); collapse(got.String()) != want {
			t.Fatalf("%q without %q is %q, want %q", whole, secrets, got.String(), want)
		}
	})
}

// simpleMask covers every byte that belongs to a secret with one star, and
// gives runs of stars as one.
func simpleMask(s string, secrets []string) string {
	covered := []byte(s)
	for _, secret := range secrets {
		for i := range s {
			if strings.HasPrefix(s[i:], secret) {
				copy(covered[i:], strings.Repeat("*", len(secret)))
			}
		}
	}
	return collapse(string(covered))
}

func collapse(s string) string {
	for strings.Contains(s, "**") {
		s = strings.ReplaceAll(s, "**", "*")
	}
	return s
}

func TestMaskHoldsBackOnlyWhatMayBeASecret(t *testing.T) {
	var got bytes.Buffer
	m := command.NewMask(&got, []string{"hunter2hunter2"})
	for _, step := range []struct{ write, sofar string }{
		{"building\n", "building\n"}, {"token hunter2", "building\ntoken "}, {"hunter2 ok", "building\ntoken *** ok"},
	} {
		if _, err := m.Write([]byte(step.write)); err != nil || got.String() != step.sofar {
			t.Errorf("after %q the output is %q, want %q (%v)", step.write, got.String(), step.sofar, err)
		}
	}
}

func TestMaskTellsWhenItCannotWrite(t *testing.T) {
	full := errors.New("full")
	m := command.NewMask(writerFunc(func([]byte) (int, error) { return 0, full }), []string{"hunter2hunter2"})
	if _, err := m.Write([]byte("text")); !errors.Is(err, full) {
		t.Errorf("error %v", err)
	}
}

func BenchmarkMask(b *testing.B) {
	line := []byte(strings.Repeat("compiling package number something with a path/like/this.go\n", 1000))
	m := command.NewMask(writerFunc(func(p []byte) (int, error) { return len(p), nil }), []string{"hunter2hunter2", "sk_live_0123456789", "password123"})
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := m.Write(line); err != nil {
			b.Fatal(err)
		}
	}
}
