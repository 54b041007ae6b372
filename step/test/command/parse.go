package command

import (
	"fmt"
	"io"
	"os"
	"strings"

	"fairlead.dev"
	"fairlead.dev/format/gotest"
	"fairlead.dev/format/junit"
	"fairlead.dev/format/tap"
)

// parsing is what a report says.
type parsing struct {
	cases  []fairlead.TestCase
	broken []string
}

// parseStream reads a report while it is printed. Close the writer, then
// receive once. The writer takes everything, whatever becomes of the report.
func parseStream(form string) (io.WriteCloser, <-chan parsing) {
	r, w := io.Pipe()
	done := make(chan parsing, 1)
	go func() {
		p := parse(form, r)
		_, _ = io.Copy(io.Discard, r)
		done <- p
	}()
	return w, done
}

// parseFiles reads all files of the report.
func parseFiles(root *os.Root, cfg Config) parsing {
	files, err := reportFiles(root, cfg.ReportFile)
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("the command wrote no %s", cfg.ReportFile)
	}
	if err != nil {
		return parsing{broken: []string{err.Error()}}
	}
	var all parsing
	for _, name := range files {
		f, err := root.Open(name)
		if err != nil {
			all.broken = append(all.broken, err.Error())
			continue
		}
		p := parse(cfg.Report, f)
		_ = f.Close()
		all.cases = append(all.cases, p.cases...)
		for _, text := range p.broken {
			all.broken = append(all.broken, name+": "+text)
		}
	}
	return all
}

func parse(form string, r io.Reader) parsing {
	switch form {
	case reportGoTest:
		return parseGoTest(r)
	case reportJUnit:
		return parseJUnit(r)
	default:
		return parseTAP(r)
	}
}

func parseGoTest(r io.Reader) parsing {
	report, err := gotest.Decode(r)
	p := failure(err)
	for _, t := range report.Tests {
		p.cases = append(p.cases, fairlead.TestCase{
			Suite: t.Package, Name: t.Name, Result: goResult(t.Result), Seconds: t.Seconds, Message: t.Output,
			Location: fairlead.Location{Path: t.File, Line: t.Line},
		})
	}
	for _, b := range report.Broken {
		what := "failed outside its tests"
		if b.Build {
			what = "does not build"
		}
		p.broken = append(p.broken, strings.TrimSpace(fmt.Sprintf("%s %s\n%s", b.Package, what, b.Output)))
	}
	return p
}

func goResult(r gotest.Result) fairlead.CaseResult {
	switch r {
	case gotest.Pass:
		return fairlead.CasePassed
	case gotest.Skip:
		return fairlead.CaseSkipped
	}
	return fairlead.CaseFailed
}

func parseJUnit(r io.Reader) parsing {
	cases, err := junit.Decode(r)
	p := failure(err)
	for _, c := range cases {
		p.cases = append(p.cases, fairlead.TestCase{
			Suite: c.Suite, Name: c.Name, Result: fairlead.CaseResult(c.Result), Seconds: c.Seconds, Message: c.Message,
			Location: fairlead.Location{Path: c.File, Line: c.Line},
		})
	}
	return p
}

func parseTAP(r io.Reader) parsing {
	report, err := tap.Decode(r)
	p := failure(err)
	for _, t := range report.Points {
		p.cases = append(p.cases, fairlead.TestCase{
			Suite: strings.Join(t.Parents, " > "), Name: t.Name, Result: fairlead.CaseResult(t.Result), Seconds: t.Seconds, Message: t.Message,
		})
	}
	if report.Bailed {
		p.broken = append(p.broken, strings.TrimSpace("the test runner gave up: "+report.Bail))
	} else if n := report.Missing(); n > 0 {
		p.broken = append(p.broken, fmt.Sprintf("%d of %d announced tests did not run", n, report.Planned))
	}
	return p
}

func failure(err error) parsing {
	if err == nil {
		return parsing{}
	}
	return parsing{broken: []string{"the report cannot be read: " + err.Error()}}
}
