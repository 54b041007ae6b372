package command

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/step"
)

// Bounds of what a case leaves.
const (
	messageLines = 20
	messageBytes = 4 << 10
)

// sum makes one result of all tries.
func sum(in step.In, cfg Config, tries []try) step.Out {
	last := tries[len(tries)-1]
	cases := merge(tries)
	count := map[fairlead.CaseResult]int{}
	seconds := 0.0
	for _, c := range cases {
		count[c.Result]++
	}
	for _, t := range tries {
		seconds += t.result.Duration.Seconds()
	}
	out := step.Out{Outcome: step.Done, Cases: cases, Measurements: []fairlead.Measurement{
		{Name: "test_cases", Value: float64(len(cases)), Unit: "1"},
		{Name: "test_failed", Value: float64(count[fairlead.CaseFailed]), Unit: "1"},
		{Name: "test_flaky", Value: float64(count[fairlead.CaseFlaky]), Unit: "1"},
		{Name: "test_seconds", Value: seconds, Unit: "s"},
	}}
	if reason := last.reason(count[fairlead.CaseFailed], len(cases), in.Secrets); reason != "" {
		out.Outcome, out.Reason = step.Failed, reason
	}
	out.Claims = []fairlead.Claim{claim(in, cfg, cases, out.Outcome)}
	return out
}

// merge gives the cases of the last try in its order. One that failed in an
// earlier try and does not fail any more is flaky; one that is missing from the
// last try keeps its failure.
func merge(tries []try) []fairlead.TestCase {
	type id struct{ suite, name string }
	last := tries[len(tries)-1]
	cases := append([]fairlead.TestCase(nil), last.cases...)
	at := map[id]int{}
	for i, c := range cases {
		at[id{c.Suite, c.Name}] = i
	}
	for _, t := range tries[:len(tries)-1] {
		for _, c := range t.cases {
			if c.Result != fairlead.CaseFailed && c.Result != fairlead.CaseFlaky {
				continue
			}
			i, ok := at[id{c.Suite, c.Name}]
			switch {
			case !ok:
				at[id{c.Suite, c.Name}] = len(cases)
				cases = append(cases, c)
			case cases[i].Result == fairlead.CaseSkipped:
				cases[i] = c // it never passed
			case cases[i].Result == fairlead.CasePassed:
				cases[i].Result, cases[i].Message, cases[i].Location = fairlead.CaseFlaky, c.Message, c.Location
			}
		}
	}
	return cases
}

// reason says why the last try did not pass; "" when it did.
func (t try) reason(failed, cases int, secrets []string) string {
	switch {
	case len(t.broken) > 0 && failed > 0:
		return fmt.Sprintf("%d of %d cases failed, and %s", failed, cases, strings.Join(t.broken, "\n"))
	case len(t.broken) > 0:
		return strings.Join(t.broken, "\n")
	case failed > 0:
		return fmt.Sprintf("%d of %d cases failed", failed, cases)
	case !t.result.Succeeded():
		text := fmt.Sprintf("the command ended with %s although no case failed\n%s", t.result, t.tail.Lines(tailLines))
		if cases == 0 {
			text = fmt.Sprintf("%s\n%s", t.result, t.tail.Lines(tailLines))
		}
		return command.Redact(strings.TrimSpace(text), secrets)
	}
	return ""
}

// finish bounds a case's message, masks it, and finds the place it speaks of.
func finish(c fairlead.TestCase, root *os.Root, secrets []string) fairlead.TestCase {
	if c.Location.Path == "" && c.Result == fairlead.CaseFailed {
		c.Location = mentioned(c.Message)
	}
	c.Location = locate(c, root)
	c.Suite, c.Name = command.Redact(c.Suite, secrets), command.Redact(c.Name, secrets)
	c.Message = command.Redact(c.Message, secrets)
	if c.Result == fairlead.CasePassed {
		c.Message = ""
	}
	c.Message = firstLines(c.Message, messageLines)
	return c
}

func firstLines(text string, n int) string {
	text = strings.ToValidUTF8(text[:min(len(text), messageBytes)], "")
	lines := strings.SplitAfterN(text, "\n", n+1)
	return strings.TrimRight(strings.Join(lines[:min(n, len(lines))], ""), "\n")
}

var mentionPattern = regexp.MustCompile(`([\w@./\-]+\.[A-Za-z]{1,4}):(\d+)`)

// mentioned finds the first "path/file.ext:12" in a message.
func mentioned(message string) fairlead.Location {
	m := mentionPattern.FindStringSubmatch(message)
	if m == nil {
		return fairlead.Location{}
	}
	line, err := strconv.Atoi(m[2])
	if err != nil {
		return fairlead.Location{}
	}
	return fairlead.Location{Path: m[1], Line: line}
}

// locate turns the place that a report names into one relative to the
// workspace. Go names files without their directory: the package's import path
// ends with it. A place that is not in the workspace is left out.
func locate(c fairlead.TestCase, root *os.Root) fairlead.Location {
	name := strings.TrimPrefix(strings.TrimPrefix(c.Location.Path, "file://"), root.Name()+"/")
	if name == "" {
		return fairlead.Location{}
	}
	for _, dir := range append(suffixes(c.Suite), "") {
		candidate := path.Join(dir, name)
		if info, err := root.Stat(candidate); err == nil && info.Mode().IsRegular() {
			return fairlead.Location{Path: candidate, Line: c.Location.Line, Column: c.Location.Column}
		}
	}
	return fairlead.Location{}
}

// suffixes lists all that a slash-separated path ends with, longest first.
func suffixes(p string) []string {
	var list []string
	for p != "" {
		list = append(list, p)
		_, p, _ = strings.Cut(p, "/")
	}
	return list
}
