package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/securego/gosec/v2"
	"github.com/securego/gosec/v2/testutils"

	"fairlead.dev/step"
	"fairlead.dev/step/scan/sast"
)

//go:embed sast.md
var aboutSAST string

// sampleSet is gosec's samples for one of its rules.
type sampleSet struct {
	rule    string
	samples []testutils.CodeSample
}

// verdict is what was found of one sample, beside what gosec says is there.
type verdict struct {
	name, rule  string
	want, found int
}

// sastSection runs scan.sast over gosec's own samples.
func sastSection(ctx context.Context, w io.Writer) error {
	dir, err := os.MkdirTemp("", "accuracy-sast-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	source := filepath.Join(dir, "src")
	all, left, err := writeSamples(source)
	if err != nil {
		return err
	}
	found, err := judgeSamples(ctx, source, filepath.Join(dir, "scratch"))
	if err != nil {
		return err
	}
	for i := range all {
		all[i].found = found[all[i].name][all[i].rule]
	}
	writeVerdicts(w, all, left)
	return nil
}

// writeSamples makes a package of every sample that can be one, and counts why
// others cannot.
func writeSamples(dir string) (all []verdict, left map[string]int, err error) {
	left = map[string]int{}
	if err := writeFile(dir, "go.mod", "module samples.test\n\ngo 1.26.0\n"); err != nil {
		return nil, nil, err
	}
	for _, set := range sampleSets() {
		for i, s := range set.samples {
			if why := unfit(s); why != "" {
				left[why]++
				continue
			}
			v := verdict{name: fmt.Sprintf("%s-%d", strings.ToLower(set.rule), i), rule: set.rule, want: s.Errors}
			for taken := 0; slices.ContainsFunc(all, func(o verdict) bool { return o.name == v.name }); taken++ {
				v.name = fmt.Sprintf("%s-%d-%d", strings.ToLower(set.rule), i, taken) // a rule has two lists
			}
			for n, code := range s.Code {
				if err := writeFile(filepath.Join(dir, v.name), fmt.Sprintf("sample%d.go", n), code); err != nil {
					return nil, nil, err
				}
			}
			all = append(all, v)
		}
	}
	return all, left, nil
}

func writeFile(dir, name, content string) error {
	at := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	return os.WriteFile(at, []byte(content), 0o600)
}

// unfit says why a sample cannot be judged here, "" when it can.
func unfit(s testutils.CodeSample) string {
	if !reflect.DeepEqual(s.Config, gosec.NewConfig()) {
		return "with settings of gosec that the step does not have"
	}
	for _, code := range s.Code {
		f, err := parser.ParseFile(token.NewFileSet(), "sample.go", code, parser.ImportsOnly)
		if err != nil {
			return "that cannot be parsed"
		}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if first, _, _ := strings.Cut(name, "/"); err != nil || strings.Contains(first, ".") || name == "C" {
				return "that need another module or C"
			}
		}
		if strings.Contains(code, "#nosec") {
			return "about comments that suppress, which the step takes only with a reason"
		}
	}
	return ""
}

// judgeSamples counts findings by sample and rule.
func judgeSamples(ctx context.Context, source, scratch string) (map[string]map[string]int, error) {
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return nil, err
	}
	env, err := goEnv(ctx)
	if err != nil {
		return nil, err
	}
	t := sast.Type()
	config, err := step.Decode(t, nil)
	if err != nil {
		return nil, err
	}
	out, err := t.Run(ctx, step.In{Key: "accuracy", Attempt: 1, Config: config, Workspace: source, Scratch: scratch, Env: env, Output: io.Discard})
	if err != nil {
		return nil, err
	}
	found := map[string]map[string]int{}
	for _, f := range out.Findings {
		name, _, _ := strings.Cut(f.Location.Path, "/")
		if found[name] == nil {
			found[name] = map[string]int{}
		}
		found[name][f.Rule] += 1 + len(f.Further)
	}
	if len(found) == 0 {
		return nil, errors.New("nothing was found in any sample")
	}
	return found, nil
}

// goEnv is the environment in which the go command finds what it built before.
func goEnv(ctx context.Context) ([]string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPATH").Output()
	if err != nil {
		return nil, err
	}
	var v map[string]string
	if err := json.Unmarshal(out, &v); err != nil {
		return nil, err
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GOTOOLCHAIN=local"}
	for name, value := range v {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	return env, nil
}

// verdicts adds up.
type verdicts struct{ samples, want, found, beyond, clean, flagged int }

func (s *verdicts) add(v verdict) {
	s.samples++
	s.want, s.found, s.beyond = s.want+v.want, s.found+min(v.want, v.found), s.beyond+max(0, v.found-v.want)
	if v.want == 0 {
		s.clean++
		s.flagged += min(1, v.found)
	}
}

// writeVerdicts writes the table: a row for each hundred of gosec's rules, and
// the samples that were judged otherwise than gosec says.
func writeVerdicts(w io.Writer, all []verdict, left map[string]int) {
	rows, total := map[string]*verdicts{}, &verdicts{}
	var names, others, why []string
	for _, v := range all {
		name := v.rule[:2] + "xx"
		if rows[name] == nil {
			rows[name] = &verdicts{}
			names = append(names, name)
		}
		rows[name].add(v)
		total.add(v)
		if v.want != v.found {
			others = append(others, fmt.Sprintf("`%s` (%d instead of %d)", v.name, v.found, v.want))
		}
	}
	rows["**all**"] = total
	fmt.Fprintf(w, "\n| rules | samples | flaws | found | recall | found beyond them | clean samples | flagged |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, name := range append(names, "**all**") {
		r := rows[name]
		fmt.Fprintf(w, "| %s | %d | %d | %d | %.3f | %d | %d | %d |\n", name, r.samples, r.want, r.found, ratio(r.found, r.want), r.beyond, r.clean, r.flagged)
	}
	for reason, n := range left {
		why = append(why, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(why)
	fmt.Fprintf(w, "\nJudged otherwise than gosec says: %s.\n\nLeft out: %s.\n", orNone(others), orNone(why))
}

func orNone(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}
