package command

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"

	"fairlead.dev"
)

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// CleanEnv makes the environment of a task's commands, sorted by name: PATH
// and HOME of this process, CI=true, the variables of this process that vars
// names, and extra, which wins. A variable that is named but not set is a
// KindInvalid problem that lists all such names.
func CleanEnv(vars []string, extra map[string]string) ([]string, error) {
	env := map[string]string{"CI": "true"}
	for _, name := range []string{"PATH", "HOME"} {
		if v, ok := os.LookupEnv(name); ok {
			env[name] = v
		}
	}
	var unset, bad []string
	for _, name := range vars {
		v, ok := os.LookupEnv(name)
		switch {
		case !envName.MatchString(name):
			bad = append(bad, name)
		case ok:
			env[name] = v
		case !hasKey(extra, name):
			unset = append(unset, name)
		}
	}
	for name, v := range extra {
		if !envName.MatchString(name) {
			bad = append(bad, name)
		}
		env[name] = v
	}
	if err := envProblem(bad, unset); err != nil {
		return nil, err
	}
	list := make([]string, 0, len(env))
	for name, v := range env {
		list = append(list, name+"="+v)
	}
	slices.Sort(list)
	return list, nil
}

func envProblem(bad, unset []string) error {
	switch {
	case len(bad) > 0:
		slices.Sort(bad)
		return &fairlead.Problem{
			Op: "make environment", Kind: fairlead.KindInvalid,
			Err:  errors.New("not a variable name: " + strings.Join(bad, ", ")),
			Hint: "a name has letters, digits and underscores, and does not begin with a digit",
		}
	case len(unset) > 0:
		slices.Sort(unset)
		return &fairlead.Problem{
			Op: "make environment", Kind: fairlead.KindInvalid,
			Err:  errors.New("declared but not set: " + strings.Join(slices.Compact(unset), ", ")),
			Hint: "set it where fairlead is started, or take its name out of env",
		}
	}
	return nil
}

func hasKey(m map[string]string, key string) bool {
	_, ok := m[key]
	return ok
}
