package cli

import (
	"errors"
	"strings"
	"testing"
)

// full is where nothing can be written.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// A problem that cannot be told as JSON is told all the same.
func TestProblemIsToldSomewhere(t *testing.T) {
	var said strings.Builder
	c := &commands{Stdio: Stdio{Out: full{}, Err: &said}}
	c.set.JSON = true
	c.report(errors.New("it failed"))
	if !strings.Contains(said.String(), "it failed") {
		t.Errorf("said %q", said.String())
	}
}
