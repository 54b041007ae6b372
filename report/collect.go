package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"fairlead.dev"
)

// Bounds of what a finding keeps.
const (
	maxText    = 1000 // characters of a message or a fix
	maxWord    = 300  // characters of a rule, a resource, an identifier
	maxFurther = 100  // places
)

// collector gathers the findings of one report.
type collector struct {
	options Options
	report  Report
	tools   map[string]bool
	at      map[string]int // position in report.Findings by fingerprint
	seen    map[string]int // how often an identity was there
	full    error
}

// tool notes which tool the findings that follow are of, and gives the words
// that they name it by: "trivy 0.58.0".
func (c *collector) tool(name, version string) string {
	word := clean(cmp.Or(toolWord(name), c.options.Tool, "unknown"), maxWord)
	if version == "" && (c.options.Tool == "" || word == c.options.Tool) {
		version = c.options.Version
	}
	said := strings.TrimSpace(word + " " + strings.TrimPrefix(clean(version, 60), "v"))
	c.tools[said] = true
	return said
}

// toolWord is one word for a tool, whichever name its report gives it.
func toolWord(name string) string {
	word := strings.Join(strings.Fields(strings.ToLower(name)), "-")
	for _, known := range []string{"semgrep", "opengrep", "codeql", "snyk", "trivy", "grype", "checkov", "kics", "osv-scanner", "nuclei"} {
		if strings.HasPrefix(word, known) {
			return known
		}
	}
	if word == "owasp-zap" || word == "zaproxy" {
		return "zap"
	}
	return word
}

// nth tells which one of those with the same identity this is, from 1.
func (c *collector) nth(parts ...string) string {
	key := strings.Join(parts, "\x00")
	c.seen[key]++
	return strconv.Itoa(c.seen[key])
}

// add takes a finding in under the identity that parts give it. What is there
// already under it gains a place.
func (c *collector) add(f fairlead.Finding, parts ...string) {
	f.Fingerprint = fairlead.Fingerprint(f.Category, parts...)
	if i, again := c.at[f.Fingerprint]; again {
		join(&c.report.Findings[i], f)
		return
	}
	if len(c.report.Findings) >= MaxFindings {
		c.full = fmt.Errorf("it has more than %d findings", MaxFindings)
		return
	}
	f.Message, f.Fix = clean(f.Message, maxText), clean(f.Fix, maxText)
	for _, word := range []*string{&f.Rule, &f.Resource, &f.SeveritySource, &f.Component.Name, &f.Component.Version, &f.Component.Layer} {
		*word = clean(*word, maxWord)
	}
	f.Component.PURL = clean(f.Component.PURL, 2*maxWord)
	f.Rule = cmp.Or(f.Rule, "unnamed")
	f.Message = cmp.Or(f.Message, f.Rule)
	slices.Sort(f.CWE)
	f.CWE = slices.Compact(f.CWE)
	c.at[f.Fingerprint] = len(c.report.Findings)
	c.report.Findings = append(c.report.Findings, f)
}

// join adds to a finding what a second one with its identity knows.
func join(to *fairlead.Finding, f fairlead.Finding) {
	if rank(f.Severity) < rank(to.Severity) {
		to.Severity, to.SeveritySource = f.Severity, f.SeveritySource
	}
	to.FixedIn = slices.DeleteFunc(to.FixedIn, func(v string) bool { return !slices.Contains(f.FixedIn, v) })
	to.Component.Direct = to.Component.Direct || f.Component.Direct
	to.Component.Dev = to.Component.Dev && f.Component.Dev
	for _, l := range append([]fairlead.Location{f.Location}, f.Further...) {
		if l != to.Location && l != (fairlead.Location{}) && !slices.Contains(to.Further, l) && len(to.Further) < maxFurther {
			to.Further = append(to.Further, l)
		}
	}
}

// further enters a place: as the finding's own, or as one more.
func (c *collector) further(f *fairlead.Finding, at fairlead.Location) {
	switch {
	case at.Path == "" || at == f.Location || slices.Contains(f.Further, at) || len(f.Further) >= maxFurther:
	case f.Location.Path == "":
		f.Location = at
	default:
		f.Further = append(f.Further, at)
	}
}

// secret takes in that a secret lies somewhere. Nothing that the tool quotes is
// kept: it may be the secret itself.
func (c *collector) secret(f fairlead.Finding, title string) {
	f.Category, f.CWE = fairlead.CategorySecret, append(f.CWE, "CWE-798")
	f.Message = cmp.Or(title, f.Rule)
	if f.Location.Path != "" {
		f.Message += " in " + f.Location.Path
	}
	f.Fix = cmp.Or(f.Fix, "revoke it where it is valid, then take it out of the source")
	tool, _, _ := strings.Cut(f.ToolVersion, " ")
	c.add(f, "report", tool, f.Rule, f.Location.Path, c.nth("secret", tool, f.Rule, f.Location.Path))
}

// clean makes one line of text without control characters, cut to so many characters.
func clean(s string, most int) string {
	if len(s) > most*8 {
		s = s[:most*8] // no need to look at a megabyte
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return strings.TrimSpace(string(r[:most])) + "..."
	}
	return s
}
