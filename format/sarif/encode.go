package sarif

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
)

const schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

// Encode writes the log, indented, with a line feed at the end. The order of
// runs, rules and results is the caller's. A run without a tool's name, a rule
// that is given twice and a result without a message are an ErrLog.
func Encode(l Log) ([]byte, error) {
	out := wireLog{Schema: schema, Version: "2.1.0", Runs: []wireRun{}}
	for i, r := range l.Runs {
		run, err := encodeRun(r)
		if err != nil {
			return nil, fmt.Errorf("%w: run %d: %w", ErrLog, i, err)
		}
		out.Runs = append(out.Runs, run)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLog, err)
	}
	return b.Bytes(), nil
}

func encodeRun(r Run) (wireRun, error) {
	out := wireRun{ColumnKind: "unicodeCodePoints", Results: []wireResult{}}
	if r.Tool.Name == "" {
		return out, fmt.Errorf("the tool has no name")
	}
	out.Tool.Driver = wireComponent{Name: r.Tool.Name, Version: r.Tool.Version, InformationURI: r.Tool.URI}
	index := map[string]int{}
	for i, rule := range r.Rules {
		if _, twice := index[rule.ID]; twice || rule.ID == "" {
			return out, fmt.Errorf("rule %q is given twice, or without a name", rule.ID)
		}
		index[rule.ID] = i
		out.Tool.Driver.Rules = append(out.Tool.Driver.Rules, encodeRule(rule))
	}
	for i, result := range r.Results {
		if result.Message == "" {
			return out, fmt.Errorf("result %d has no message", i)
		}
		w := encodeResult(result)
		if at, ok := index[result.RuleID]; ok {
			w.RuleIndex = &at
		}
		out.Results = append(out.Results, w)
	}
	successful := r.Failed == ""
	invocation := wireInvocation{Successful: &successful}
	if !successful {
		invocation.Notifications = []wireNotification{{Level: LevelError, Message: wireMessage{Text: r.Failed}}}
	}
	out.Invocations = []wireInvocation{invocation}
	return out, nil
}

func encodeRule(r Rule) wireRule {
	out := wireRule{ID: r.ID, Name: r.Name, Short: text(r.Short), Full: text(r.Full), Help: text(r.Help), HelpURI: r.HelpURI}
	if r.Level != "" {
		out.Configuration = &wireConfiguration{Level: r.Level}
	}
	out.Properties = map[string]any{}
	maps.Copy(out.Properties, r.Properties)
	if r.SecuritySeverity != "" {
		out.Properties["security-severity"] = r.SecuritySeverity
	}
	if r.Precision != "" {
		out.Properties["precision"] = r.Precision
	}
	if tags := unique(r.Tags); len(tags) > 0 {
		out.Properties["tags"] = tags
	}
	return out
}

func encodeResult(r Result) wireResult {
	out := wireResult{
		RuleID: r.RuleID, Kind: r.Kind, Level: r.Level, Message: wireMessage{Text: r.Message},
		Locations: encodeLocations(r.Locations), Related: encodeLocations(r.Related),
		Fingerprints: r.Fingerprints, PartialFingerprints: r.PartialFingerprints,
		BaselineState: r.BaselineState, Properties: maps.Clone(r.Properties),
	}
	for _, s := range r.Suppressions {
		out.Suppressions = append(out.Suppressions, wireSuppression(s))
	}
	if r.WebRequest != (Request{}) {
		out.WebRequest = &wireRequest{Method: r.WebRequest.Method, Target: r.WebRequest.Target}
	}
	return out
}

func encodeLocations(list []Location) []wireLocation {
	var out []wireLocation
	for _, l := range list {
		w := wireLocation{Message: text(l.Message)}
		if l.URI != "" {
			w.Physical = &wirePhysical{Artifact: wireArtifact{URI: l.URI}, Region: encodeRegion(l)}
		}
		if l.Logical != "" {
			w.Logical = []wireLogical{{FullyQualifiedName: l.Logical}}
		}
		out = append(out, w)
	}
	return out
}

// encodeRegion leaves out what makes no sense without a line.
func encodeRegion(l Location) *wireRegion {
	if l.Line < 1 {
		return nil
	}
	return &wireRegion{
		StartLine: l.Line, StartColumn: max(l.Column, 0), EndLine: max(l.EndLine, 0), EndColumn: max(l.EndColumn, 0),
		Snippet: text(l.Snippet),
	}
}

func text(s string) *wireMessage {
	if s == "" {
		return nil
	}
	return &wireMessage{Text: s}
}

// unique keeps the first of equal tags: the standard wants a set.
func unique(list []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, s := range list {
		if !seen[s] {
			out = append(out, s)
		}
		seen[s] = true
	}
	return out
}
