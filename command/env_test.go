package command_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/command"
)

func TestCleanEnv(t *testing.T) {
	t.Setenv("DECLARED", "yes")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not declared")
	t.Setenv("FAIRLEAD_HOME", "not given")
	path, home := "PATH="+os.Getenv("PATH"), "HOME="+os.Getenv("HOME")
	for _, test := range []struct {
		name  string
		vars  []string
		extra map[string]string
		want  []string
	}{
		{"nothing declared", nil, nil, []string{"CI=true", home, path}},
		{"declared and given", []string{"DECLARED"}, map[string]string{"FAIRLEAD_RUN": "1"}, []string{"CI=true", "DECLARED=yes", "FAIRLEAD_RUN=1", home, path}},
		{"given wins", []string{"DECLARED"}, map[string]string{"DECLARED": "given", "HOME": "/x"}, []string{"CI=true", "DECLARED=given", "HOME=/x", path}},
		{"given counts as set", []string{"MATRIX_GO"}, map[string]string{"MATRIX_GO": "1.26"}, []string{"CI=true", home, "MATRIX_GO=1.26", path}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := command.CleanEnv(test.vars, test.extra)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestCleanEnvNamesAllThatIsMissing(t *testing.T) {
	_, err := command.CleanEnv([]string{"NO_SUCH_B", "PATH", "NO_SUCH_A"}, nil)
	if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), "NO_SUCH_A, NO_SUCH_B") || fairlead.HintOf(err) == "" {
		t.Errorf("error %v", err)
	}
	for _, name := range []string{"", "1A", "A-B", "A=B", "A\x00"} {
		if _, err := command.CleanEnv([]string{name}, nil); fairlead.KindOf(err) != fairlead.KindInvalid {
			t.Errorf("name %q: %v", name, err)
		}
		if _, err := command.CleanEnv(nil, map[string]string{name: "x"}); fairlead.KindOf(err) != fairlead.KindInvalid {
			t.Errorf("given name %q: %v", name, err)
		}
	}
}
