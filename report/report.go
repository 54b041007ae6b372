// Package report reads what other scanners report: bytes in, findings out, in
// the same words and under the same identities as those of our own engines. It
// is pure: the same bytes give the same findings, in the same order.
//
// A report can only add. What its tool was told to leave out, or says does not
// apply, is counted and makes no finding; it never excuses what another tool
// found.
package report

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"fairlead.dev"
)

// Format is the form of a report, by the word that people choose it by.
type Format string

// The formats.
const (
	SARIF      Format = "sarif" // 2.1.0, of any tool
	CycloneDX  Format = "cyclonedx"
	OSVScanner Format = "osv-scanner"
	Trivy      Format = "trivy"
	Grype      Format = "grype"
	Checkov    Format = "checkov"
	KICS       Format = "kics"
	ZAP        Format = "zap"
	Nuclei     Format = "nuclei" // an object on each line, or a list of them
	Snyk       Format = "snyk"
)

// Formats lists the formats, sorted.
func Formats() []Format { return slices.Sorted(maps.Keys(readers())) }

// Bounds of what is read.
const (
	MaxBytes    = 64 << 20 // of one report
	MaxFindings = 100_000  // of one report
	MaxDepth    = 200      // of values inside values
)

// Options say what a report leaves out.
type Options struct {
	Format  Format   // "": the content tells
	Tool    string   // word of the tool, where the report does not name it
	Version string   // of the tool, where the report does not tell it
	Roots   []string // absolute directories that its absolute paths are below; the first that fits is cut off
}

// Report is what a tool found.
type Report struct {
	Format   Format
	Tools    []string // with version, as in the findings: "trivy 0.58.0"; sorted
	Findings []fairlead.Finding
	Excused  int    // results that the tool was told to leave out, or says do not apply
	Notes    int    // results that are no flaw: informational, or passed
	Partial  bool   // the tool says that it could not read everything
	Failed   string // why the tool says that it did not get through; "" when it did
}

// readers are the functions that read each format.
func readers() map[Format]func(*collector, []byte) error {
	return map[Format]func(*collector, []byte) error{
		SARIF: readSARIF, CycloneDX: readCycloneDX, OSVScanner: readOSVScanner, Trivy: readTrivy, Grype: readGrype,
		Checkov: readCheckov, KICS: readKICS, ZAP: readZAP, Nuclei: readNuclei, Snyk: readSnyk,
	}
}

// Read reads a report. What is too large, nested too deep, malformed or of no
// known format is a KindInvalid problem; there is no half of a report.
func Read(b []byte, o Options) (Report, error) {
	if len(b) > MaxBytes {
		return Report{}, problem("scan a part at a time", fmt.Errorf("it is larger than %d MiB", MaxBytes>>20))
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) // tools on Windows begin with a byte order mark
	if !utf8.Valid(b) {
		return Report{}, problem("let the tool write its report into a file itself", errors.New("it is not UTF-8"))
	}
	if n := depth(b); n > MaxDepth {
		return Report{}, problem("", fmt.Errorf("it is nested deeper than %d values", MaxDepth))
	}
	format := sniff(b)
	if o.Format != "" && format != o.Format {
		if _, ok := readers()[o.Format]; !ok || format != "" || !empty(o.Format, b) {
			return Report{}, problem("formats are "+words(Formats()), fmt.Errorf("it is no report of the format %s", o.Format))
		}
		format = o.Format
	}
	read, ok := readers()[format]
	if !ok {
		return Report{}, problem("formats are "+words(Formats()), errors.New("it is of no known format"))
	}
	c := &collector{options: o, tools: map[string]bool{}, at: map[string]int{}, seen: map[string]int{}}
	if err := read(c, b); err != nil {
		return Report{}, problem("it was read as "+string(format), err)
	}
	c.report.Format, c.report.Tools = format, slices.Sorted(maps.Keys(c.tools))
	return c.report, nil
}

func words(all []Format) string {
	out := make([]string, len(all))
	for i, f := range all {
		out[i] = string(f)
	}
	return strings.Join(out, ", ")
}

func problem(hint string, err error) error {
	return &fairlead.Problem{Op: "read report", Kind: fairlead.KindInvalid, Hint: hint, Err: err}
}
