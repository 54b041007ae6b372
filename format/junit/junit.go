// Package junit decodes JUnit XML reports, as the runners of most languages
// write them. There is no standard; this reads what they have in common.
package junit

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Result is how a case ended.
type Result string

// The results of a case. A flaky one failed and then passed when the runner
// itself tried it again.
const (
	Passed  Result = "passed"
	Failed  Result = "failed"
	Skipped Result = "skipped"
	Flaky   Result = "flaky"
)

// Bounds of what is kept and read.
const (
	MaxDepth   = 64        // nested elements
	MaxMessage = 8 << 10   // bytes kept of what one case says
	MaxCases   = 200_000   // cases in one report
	MaxBytes   = 256 << 20 // of one report
)

// Case is one testcase element.
type Case struct {
	Suite   string // classname, or the name of the suite around it
	Name    string
	Result  Result
	Seconds float64
	Message string // message and text of the failure, error or skip
	File    string // as written; "" when the report does not say
	Line    int    // from 1; 0 when unknown
}

// Decode reads one report. What comes before the first element is passed over,
// and reading stops at the end of the root element. Entities other than XML's
// own five are an error, so nothing expands.
func Decode(r io.Reader) ([]Case, error) {
	bounded := &io.LimitedReader{R: r, N: MaxBytes}
	x := xml.NewDecoder(bounded)
	x.CharsetReader = charset
	d := decoder{xml: x}
	for {
		tok, err := x.Token()
		if err != nil {
			return d.cases, d.failure(err, bounded)
		}
		switch tok := tok.(type) {
		case xml.Directive:
			return nil, errors.New("junit report: a document type is not accepted")
		case xml.StartElement:
			if err := d.start(tok); err != nil {
				return d.cases, fmt.Errorf("junit report: line %d: %w", d.line(), err)
			}
		case xml.EndElement:
			d.end(tok)
			if len(d.stack) == 0 {
				return d.cases, nil
			}
		case xml.CharData:
			d.text(tok)
		}
	}
}

type decoder struct {
	xml    *xml.Decoder
	stack  []string // names of the open elements
	suites []suite  // open testsuite elements
	cases  []Case
	inCase bool   // the last of cases is open
	saying string // element whose text belongs to the open case
}

type suite struct{ name, file string }

func (d *decoder) start(e xml.StartElement) error {
	name := e.Name.Local
	if len(d.stack) == 0 && name != "testsuites" && name != "testsuite" {
		return fmt.Errorf("the root element is %q, not testsuites or testsuite", name)
	}
	if len(d.stack) >= MaxDepth {
		return fmt.Errorf("more than %d nested elements", MaxDepth)
	}
	d.stack = append(d.stack, name)
	switch name {
	case "testsuite":
		d.suites = append(d.suites, suite{attr(e, "name"), attr(e, "file")})
	case "testcase":
		if len(d.cases) >= MaxCases {
			return fmt.Errorf("more than %d cases", MaxCases)
		}
		d.cases = append(d.cases, d.testcase(e))
		d.inCase = true
	default:
		if d.inCase {
			d.outcome(e)
		}
	}
	return nil
}

func (d *decoder) testcase(e xml.StartElement) Case {
	c := Case{Suite: attr(e, "classname"), Name: attr(e, "name"), Result: Passed, File: attr(e, "file")}
	for i := len(d.suites) - 1; i >= 0; i-- {
		if c.Suite == "" {
			c.Suite = d.suites[i].name
		}
		if c.File == "" {
			c.File = d.suites[i].file
		}
	}
	if n, err := strconv.Atoi(attr(e, "line")); err == nil && n > 0 {
		c.Line = n
	}
	seconds := strings.ReplaceAll(attr(e, "time"), ",", "") // some write thousands with a comma
	if s, err := strconv.ParseFloat(seconds, 64); err == nil && s >= 0 && s < 1e9 {
		c.Seconds = s
	}
	return c
}

// outcome takes an element inside a testcase. A failure outweighs a skip, and
// both outweigh what the runner's own retries say.
func (d *decoder) outcome(e xml.StartElement) {
	c := &d.cases[len(d.cases)-1]
	switch e.Name.Local {
	case "failure", "error":
		c.Result = Failed
	case "skipped":
		if c.Result == Failed {
			return
		}
		c.Result = Skipped
	case "flakyFailure", "flakyError":
		if c.Result != Passed && c.Result != Flaky {
			return
		}
		c.Result = Flaky
	default:
		return
	}
	d.saying = e.Name.Local
	c.say(attr(e, "message"))
}

func (d *decoder) text(text []byte) {
	if d.saying != "" && d.stack[len(d.stack)-1] == d.saying {
		d.cases[len(d.cases)-1].say(strings.TrimSpace(string(text)))
	}
}

func (d *decoder) end(e xml.EndElement) {
	d.stack = d.stack[:len(d.stack)-1]
	switch e.Name.Local {
	case "testsuite":
		d.suites = d.suites[:len(d.suites)-1]
	case "testcase":
		d.inCase, d.saying = false, ""
	case d.saying:
		d.saying = ""
	}
}

// say adds to the message what it does not say yet, up to the bound.
func (c *Case) say(text string) {
	if text == "" || strings.Contains(c.Message, text) {
		return
	}
	if strings.HasPrefix(text, c.Message) {
		c.Message = "" // the text repeats the message and says more
	}
	if c.Message != "" {
		c.Message += "\n"
	}
	c.Message += text
	if len(c.Message) > MaxMessage {
		c.Message = strings.ToValidUTF8(c.Message[:MaxMessage], "")
	}
}

func (d *decoder) line() int {
	line, _ := d.xml.InputPos()
	return line
}

func (d *decoder) failure(err error, bounded *io.LimitedReader) error {
	switch {
	case bounded.N == 0:
		return fmt.Errorf("junit report: larger than %d bytes", MaxBytes)
	case errors.Is(err, io.EOF) && d.xml.InputOffset() == 0:
		return errors.New("junit report: it is empty")
	case errors.Is(err, io.EOF):
		return errors.New("junit report: it holds no testsuites or testsuite element")
	}
	return fmt.Errorf("junit report: %w", err)
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// charset reads the encodings that reports are written in besides UTF-8.
func charset(label string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(label) {
	case "us-ascii", "ascii":
		return r, nil
	case "iso-8859-1", "latin1", "windows-1252":
		return &latin1{r: r}, nil
	}
	return nil, fmt.Errorf("encoding %q is not supported", label)
}

// latin1 turns single bytes into UTF-8.
type latin1 struct {
	r    io.Reader
	rest []byte
}

func (l *latin1) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		buf := make([]byte, 4096)
		n, err := l.r.Read(buf)
		if n == 0 {
			return 0, err
		}
		for _, b := range buf[:n] {
			l.rest = utf8.AppendRune(l.rest, rune(b))
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}
