// Package gotest decodes the events that "go test -json" prints. Their shape is
// described by "go doc test2json" and "go doc cmd/go/internal/help.buildjson".
package gotest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Result is how a test ended, in go test's own words.
type Result string

// The results of a test.
const (
	Pass Result = "pass"
	Fail Result = "fail"
	Skip Result = "skip"
)

// Bounds of what is kept and read.
const (
	MaxLine   = 1 << 20 // bytes of one event; longer ones are passed over
	MaxOutput = 8 << 10 // bytes kept of what one test or package prints
	MaxTests  = 200_000 // tests in one stream; more are an error
)

// Test is one test that ran to its end. A test with subtests is left out,
// unless it failed and none of its subtests did.
type Test struct {
	Package string
	Name    string // "TestA/case"
	Result  Result
	Seconds float64
	Output  string // what it printed, only for tests that failed or were skipped
	File    string // base name of the file of its first message; "" when none was named
	Line    int    // from 1; 0 when unknown
}

// Broken is a package that failed although none of its tests did: it did not
// build, it panicked, or it exited early.
type Broken struct {
	Package string
	Build   bool   // it did not compile
	Output  string // what the compiler or the package said
}

// Report is everything one stream told.
type Report struct {
	Tests  []Test // in the order they ended
	Broken []Broken
	Events int // lines that were events; other lines are passed over
}

// Decode reads events until the end of r. Lines that are no events are passed
// over, since a command may print more than test results. Its errors are those
// of r, and a stream of more than MaxTests tests.
func Decode(r io.Reader) (Report, error) {
	d := decoder{open: map[string]*test{}, packages: map[string]*pkg{}, builds: map[string]*strings.Builder{}}
	br := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(br)
		if len(line) > 0 && line[0] == '{' {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				if err := d.add(e); err != nil {
					return d.report, err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return d.end(), nil
		} else if err != nil {
			return d.report, fmt.Errorf("read test events: %w", err)
		}
	}
}

// event is one line of the stream.
type event struct {
	Action      string
	Package     string
	ImportPath  string // instead of Package in build events
	Test        string
	Elapsed     float64 // seconds
	Output      string
	FailedBuild string // import path whose build failed, in a package's fail event
}

// test is a test between its run event and its end.
type test struct {
	output  strings.Builder
	parent  bool // it has subtests
	subFail bool // and one of them failed
}

type pkg struct {
	output strings.Builder
	failed bool // a test of it failed
}

type decoder struct {
	report   Report
	open     map[string]*test
	packages map[string]*pkg
	builds   map[string]*strings.Builder
}

func (d *decoder) add(e event) error {
	d.report.Events++
	switch e.Action {
	case "build-output":
		keep(d.build(e.ImportPath), e.Output)
	case "run":
		return d.run(e)
	case "output":
		if t := d.open[key(e.Package, e.Test)]; e.Test != "" && t != nil {
			keep(&t.output, e.Output)
		} else {
			keep(&d.pkg(e.Package).output, e.Output)
		}
	case string(Pass), string(Fail), string(Skip):
		if e.Test != "" {
			d.ended(e)
		} else if e.Action == string(Fail) {
			d.packageFailed(e)
		}
	}
	return nil
}

func (d *decoder) run(e event) error {
	if len(d.open)+len(d.report.Tests) >= MaxTests {
		return fmt.Errorf("more than %d tests", MaxTests)
	}
	d.open[key(e.Package, e.Test)] = &test{}
	if up := d.parent(e); up != nil {
		up.parent = true
	}
	return nil
}

// parent is the open test that e's test is a subtest of, or nil.
func (d *decoder) parent(e event) *test {
	if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
		return d.open[key(e.Package, e.Test[:i])]
	}
	return nil
}

func (d *decoder) ended(e event) {
	k := key(e.Package, e.Test)
	t := d.open[k]
	if t == nil {
		t = &test{}
	}
	delete(d.open, k)
	failed := e.Action == string(Fail)
	if failed {
		d.pkg(e.Package).failed = true
		if up := d.parent(e); up != nil {
			up.subFail = true
		}
	}
	if t.parent && (!failed || t.subFail) {
		return
	}
	result := Test{Package: e.Package, Name: e.Test, Result: Result(e.Action), Seconds: e.Elapsed}
	if result.Result != Pass {
		result.Output = clean(t.output.String())
		result.File, result.Line = place(result.Output)
	}
	d.report.Tests = append(d.report.Tests, result)
}

// packageFailed notes a package that failed without a failed test.
func (d *decoder) packageFailed(e event) {
	d.abort(e.Package + "\x00")
	p := d.pkg(e.Package)
	switch {
	case e.FailedBuild != "":
		d.report.Broken = append(d.report.Broken, Broken{e.Package, true, clean(d.build(e.FailedBuild).String())})
	case strings.Contains(p.output.String(), "[build failed]"), strings.Contains(p.output.String(), "[setup failed]"):
		d.report.Broken = append(d.report.Broken, Broken{e.Package, true, clean(p.output.String())})
	case !p.failed:
		d.report.Broken = append(d.report.Broken, Broken{e.Package, false, clean(p.output.String())})
	}
}

// end closes the report.
func (d *decoder) end() Report {
	d.abort("")
	return d.report
}

// abort fails the tests whose keys begin so and that began and did not end.
func (d *decoder) abort(prefix string) {
	var keys []string
	for k := range d.open {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	slices.Reverse(keys) // subtests end before their parents
	for _, k := range keys {
		pkg, name, _ := strings.Cut(k, "\x00")
		t := d.open[k]
		if t.output.Len() == 0 {
			t.output.WriteString("the test did not end")
		}
		d.ended(event{Action: string(Fail), Package: pkg, Test: name})
	}
}

func (d *decoder) pkg(name string) *pkg {
	if d.packages[name] == nil {
		d.packages[name] = &pkg{}
	}
	return d.packages[name]
}

func (d *decoder) build(path string) *strings.Builder {
	if d.builds[path] == nil {
		d.builds[path] = &strings.Builder{}
	}
	return d.builds[path]
}

func key(pkg, test string) string { return pkg + "\x00" + test }

// keep adds output up to the bound.
func keep(b *strings.Builder, output string) {
	b.WriteString(output[:min(len(output), MaxOutput-b.Len())])
}

// clean takes go test's own progress lines out.
func clean(output string) string {
	var b strings.Builder
	for line := range strings.Lines(output) {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "=== ") || strings.HasPrefix(trimmed, "--- ") || trimmed == "FAIL" || trimmed == "" ||
			strings.HasPrefix(line, "FAIL\t") && !strings.HasSuffix(trimmed, "failed]") {
			continue
		}
		b.WriteString(line)
	}
	return strings.ToValidUTF8(strings.TrimRight(b.String(), "\n"), "\uFFFD")
}

var placePattern = regexp.MustCompile(`(?m)^\s*([^\s:]+\.go):(\d+):`)

// place finds the first "file.go:12:" at the beginning of a line.
func place(output string) (file string, line int) {
	m := placePattern.FindStringSubmatch(output)
	if m == nil {
		return "", 0
	}
	n, err := strconv.Atoi(m[2])
	if err != nil {
		return "", 0
	}
	return m[1], n
}

// readLine reads one line without its end. A line over MaxLine is given as an
// empty one, and read over.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, more, err := r.ReadLine()
		if err != nil {
			return line, err
		}
		if long = long || len(line)+len(part) > MaxLine; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !more {
			return line, nil
		}
	}
}
