// Package tap decodes the Test Anything Protocol, versions 12 to 14, as
// described at https://testanything.org.
package tap

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Result is how a test point ended.
type Result string

// The results of a test point. One that is marked TODO is skipped, whether it
// is ok or not.
const (
	Passed  Result = "passed"
	Failed  Result = "failed"
	Skipped Result = "skipped"
)

// Bounds of what is kept and read.
const (
	MaxLine    = 1 << 20 // bytes; longer lines are passed over
	MaxMessage = 8 << 10 // bytes kept of what one point says
	MaxPoints  = 200_000 // in one stream
	MaxDepth   = 64      // nested subtests
)

// Point is one test point. A point that only sums up its subtest is left out,
// unless it failed and none of the subtest's points did.
type Point struct {
	Parents []string // descriptions of the subtests around it, outermost first
	Name    string   // its description, or "test 3" when it has none
	Result  Result
	Seconds float64
	Message string // its diagnostics, or the reason why it was skipped
}

// Report is everything one stream told.
type Report struct {
	Points  []Point
	Planned int    // points announced at the outermost level; -1 when no plan was seen
	Seen    int    // points seen at that level
	Bail    string // why the runner gave up; "" when it did not
	Bailed  bool
}

// Missing says how many points were announced and not seen.
func (r Report) Missing() int { return max(0, r.Planned-r.Seen) }

// Decode reads a stream to its end. Lines that are not TAP are passed over. Its
// errors are those of r and a stream beyond the bounds.
func Decode(r io.Reader) (Report, error) {
	d := decoder{report: Report{Planned: -1}}
	br := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := readLine(br)
		if lineErr := d.add(line); lineErr != nil {
			return d.report, lineErr
		}
		if errors.Is(err, io.EOF) {
			d.report.Points = d.finish()
			return d.report, nil
		} else if err != nil {
			return d.report, fmt.Errorf("read test points: %w", err)
		}
	}
}

var (
	pointPattern = regexp.MustCompile(`^(not )?ok\b(?:\s+(\d+))?(?:\s+-)?\s*(.*)$`)
	planPattern  = regexp.MustCompile(`^1\.\.(\d+)\b`)
	hashPattern  = regexp.MustCompile(`(?i)(?:^|[^\\])#\s*(skip|todo)\S*\s*(.*)$`)
	timePattern  = regexp.MustCompile(`(?i)#\s*time=([\d.]+)\s*(ms|s)\s*$`)
	durationKey  = regexp.MustCompile(`^duration_ms:\s*([\d.]+)$`)
)

// level is one depth of nesting.
type level struct {
	points []Point // seen at this depth and deeper, not yet given to a parent
	seen   int
}

type decoder struct {
	report Report
	levels []level
	total  int
	yaml   int // indentation of the open diagnostics block, -1 when none is open
	inYAML bool
	last   *place // where the last point is, for its diagnostics
}

// place is where a point is kept.
type place struct{ depth, index int }

func (d *decoder) add(raw string) error {
	text := strings.TrimLeft(raw, " \t")
	indent := len(strings.ReplaceAll(raw[:len(raw)-len(text)], "\t", "    "))
	text = strings.TrimRight(text, " \t\r")
	switch {
	case d.inYAML && text == "..." && indent <= d.yaml:
		d.inYAML = false
	case d.inYAML:
		d.diagnose(text)
	case text == "---" && d.last != nil:
		d.inYAML, d.yaml = true, indent
	case strings.HasPrefix(text, "Bail out!"):
		d.report.Bailed, d.report.Bail = true, strings.TrimSpace(strings.TrimPrefix(text, "Bail out!"))
	case strings.HasPrefix(text, "#"):
		if d.last != nil && !strings.HasPrefix(text, "# Subtest") {
			d.diagnose(strings.TrimSpace(text[1:]))
		}
	case planPattern.MatchString(text):
		if n, err := strconv.Atoi(planPattern.FindStringSubmatch(text)[1]); err == nil && indent == 0 {
			d.report.Planned = n
		}
	default:
		if m := pointPattern.FindStringSubmatch(text); m != nil {
			return d.point(indent/4, m[1] != "", m[2], m[3])
		}
	}
	return nil
}

func (d *decoder) point(depth int, failed bool, number, description string) error {
	if d.total++; d.total > MaxPoints {
		return fmt.Errorf("more than %d test points", MaxPoints)
	}
	if depth >= MaxDepth {
		return fmt.Errorf("more than %d nested subtests", MaxDepth)
	}
	for len(d.levels) <= depth {
		d.levels = append(d.levels, level{})
	}
	p := parse(failed, number, description)
	at := &d.levels[depth]
	at.seen++
	if depth == 0 {
		d.report.Seen++
	}
	if number == "" && description == "" {
		p.Name = fmt.Sprintf("test %d", at.seen)
	}
	children := d.take(depth + 1)
	d.last = nil
	childFailed := false
	for _, c := range children {
		c.Parents = append([]string{p.Name}, c.Parents...)
		childFailed = childFailed || c.Result == Failed
		at.points = append(at.points, c)
	}
	if len(children) > 0 && (p.Result == Passed || childFailed) {
		return nil
	}
	at.points = append(at.points, p)
	d.last = &place{depth, len(at.points) - 1}
	return nil
}

// parse reads what follows "ok" or "not ok".
func parse(failed bool, number, description string) Point {
	p := Point{Result: Passed}
	if failed {
		p.Result = Failed
	}
	if m := timePattern.FindStringSubmatchIndex(description); m != nil {
		p.Seconds = seconds(description[m[2]:m[3]], description[m[4]:m[5]])
		description = description[:m[0]]
	}
	if m := hashPattern.FindStringSubmatchIndex(description); m != nil {
		p.Result = Skipped
		p.Message = strings.TrimSpace(description[m[4]:m[5]])
		description = description[:m[2]]
		description = description[:strings.LastIndexByte(description, '#')]
	}
	p.Name = strings.ToValidUTF8(strings.TrimSpace(strings.ReplaceAll(description, `\#`, "#")), "\uFFFD")
	if p.Name == "" {
		p.Name = "test " + number
	}
	return p
}

// diagnose adds a line to what the last point says.
func (d *decoder) diagnose(text string) {
	if d.last == nil || text == "" {
		return
	}
	p := &d.levels[d.last.depth].points[d.last.index]
	if m := durationKey.FindStringSubmatch(text); m != nil {
		p.Seconds = seconds(m[1], "ms")
		return
	}
	if p.Result != Failed || len(p.Message)+len(text) >= MaxMessage {
		return
	}
	if p.Message != "" {
		p.Message += "\n"
	}
	p.Message += strings.ToValidUTF8(text, "\uFFFD")
}

// take gives the points below a depth and forgets them.
func (d *decoder) take(depth int) []Point {
	var points []Point
	for i := depth; i < len(d.levels); i++ {
		points = append(points, d.levels[i].points...)
		d.levels[i] = level{}
	}
	return points
}

// finish gives all points; those whose parent never came stand alone.
func (d *decoder) finish() []Point { return d.take(0) }

func seconds(number, unit string) float64 {
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n > 1e12 {
		return 0
	}
	if strings.EqualFold(unit, "ms") {
		n /= 1000
	}
	return n
}

// readLine reads one line without its end. A line over MaxLine is given as an
// empty one, and read over.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	long := false
	for {
		part, more, err := r.ReadLine()
		if err != nil {
			return string(line), err
		}
		if long = long || len(line)+len(part) > MaxLine; long {
			line = nil
		} else {
			line = append(line, part...)
		}
		if !more {
			return string(line), nil
		}
	}
}
