package sarif

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Decode reads a log. What the Log has no place for is dropped; what a result
// says by reference is resolved. Anything malformed is an ErrLog, and so is a
// log of another version or one beyond the bounds.
func Decode(r io.Reader) (Log, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	switch {
	case err != nil:
		return Log{}, fmt.Errorf("%w: %w", ErrLog, err)
	case len(b) > MaxBytes:
		return Log{}, fmt.Errorf("%w: it is larger than %d MiB", ErrLog, MaxBytes>>20)
	}
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")) // tools on Windows begin with a byte order mark
	if !utf8.Valid(b) {
		return Log{}, fmt.Errorf("%w: it is not UTF-8", ErrLog)
	}
	var in wireLog
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&in); err != nil {
		return Log{}, fmt.Errorf("%w: %w", ErrLog, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Log{}, fmt.Errorf("%w: something follows it", ErrLog)
	}
	if in.Version != "2.1.0" || in.Runs == nil {
		return Log{}, fmt.Errorf("%w: version is %q, and it has %d runs", ErrLog, in.Version, len(in.Runs))
	}
	var out Log
	total := 0
	for i, run := range in.Runs {
		if total += len(run.Results); total > MaxResults {
			return Log{}, fmt.Errorf("%w: it has more than %d results", ErrLog, MaxResults)
		}
		decoded, err := decodeRun(run)
		if err != nil {
			return Log{}, fmt.Errorf("%w: run %d: %w", ErrLog, i, err)
		}
		out.Runs = append(out.Runs, decoded)
	}
	return out, nil
}

func decodeRun(w wireRun) (Run, error) {
	driver := w.Tool.Driver
	if driver.Name == "" {
		return Run{}, errors.New("the tool has no name")
	}
	out := Run{
		Tool: Tool{Name: driver.Name, Version: cmp.Or(driver.SemanticVersion, driver.Version), URI: driver.InformationURI},
	}
	for _, c := range append([]wireComponent{driver}, w.Tool.Extensions...) {
		for _, r := range c.Rules {
			out.Rules = append(out.Rules, decodeRule(r))
		}
	}
	for _, i := range w.Invocations {
		if i.Successful != nil && !*i.Successful {
			out.Failed = i.failure()
		}
	}
	rules := indexRules(w)
	for i, r := range w.Results {
		result, err := w.result(r, rules)
		if err != nil {
			return Run{}, fmt.Errorf("result %d: %w", i, err)
		}
		out.Results = append(out.Results, result)
	}
	return out, nil
}

func (i wireInvocation) failure() string {
	for _, n := range i.Notifications {
		if n.Level == LevelError && n.Message.Text != "" {
			return n.Message.Text
		}
	}
	return cmp.Or(i.ExitReason, "the tool says that it failed")
}

func decodeRule(r wireRule) Rule {
	out := Rule{
		ID: r.ID, Name: r.Name, Short: said(r.Short), Full: said(r.Full), Help: said(r.Help), HelpURI: r.HelpURI,
		Level: LevelWarning, // the standard's default
	}
	if r.Configuration != nil && r.Configuration.Level != "" {
		out.Level = r.Configuration.Level
	}
	switch v := r.Properties["security-severity"].(type) {
	case string:
		out.SecuritySeverity = v
	case float64: // not to the letter, but tools write it
		out.SecuritySeverity = strconv.FormatFloat(v, 'f', 1, 64)
	}
	out.Precision, _ = r.Properties["precision"].(string)
	tags, _ := r.Properties["tags"].([]any)
	for _, t := range tags {
		if s, ok := t.(string); ok {
			out.Tags = append(out.Tags, s)
		}
	}
	for k, v := range r.Properties {
		if k == "security-severity" || k == "precision" || k == "tags" {
			continue
		}
		if out.Properties == nil {
			out.Properties = map[string]any{}
		}
		out.Properties[k] = v
	}
	for _, to := range r.Relationships {
		out.Taxa = append(out.Taxa, to.Target.name())
	}
	return out
}

// name is how a taxon is known outside of the log: "CWE-79".
func (t wireTaxon) name() string {
	taxonomy := t.Component.Name
	if taxonomy == "" || strings.HasPrefix(t.ID, taxonomy) {
		return t.ID
	}
	return taxonomy + "-" + t.ID
}

// result resolves one result against its run.
func (w wireRun) result(r wireResult, rules ruleIndex) (Result, error) {
	component, rule := rules.of(r)
	out := Result{
		RuleID: r.RuleID, Kind: cmp.Or(r.Kind, "fail"), Level: r.Level,
		Fingerprints: r.Fingerprints, PartialFingerprints: r.PartialFingerprints,
		BaselineState: r.BaselineState, Properties: r.Properties,
	}
	if rule != nil {
		out.RuleID = rule.ID
	}
	if out.RuleID == "" && r.Rule != nil {
		out.RuleID = r.Rule.ID
	}
	if out.Level == "" {
		out.Level = defaultLevel(out.Kind, rule)
	}
	var err error
	if out.Message, err = rules.message(r.Message, component, rule); err != nil {
		return Result{}, err
	}
	if out.Locations, err = w.locations(r.Locations); err != nil {
		return Result{}, err
	}
	if out.Related, err = w.locations(r.Related); err != nil {
		return Result{}, err
	}
	for _, s := range r.Suppressions {
		out.Suppressions = append(out.Suppressions, Suppression(s))
	}
	for _, t := range r.Taxa {
		out.Taxa = append(out.Taxa, t.name())
	}
	if r.WebRequest != nil {
		out.WebRequest = Request(*r.WebRequest)
	}
	return out, nil
}

func defaultLevel(kind string, rule *wireRule) Level {
	switch {
	case kind != "fail":
		return LevelNone
	case rule != nil && rule.Configuration != nil && rule.Configuration.Level != "":
		return rule.Configuration.Level
	}
	return LevelWarning
}

func (m wireMessage) text() string { return cmp.Or(m.Text, m.Markdown) }

// said gives the text of a message that may be missing.
func said(m *wireMessage) string {
	if m == nil {
		return ""
	}
	return m.text()
}
