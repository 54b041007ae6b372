package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// depth is how deep values are nested in JSON.
func depth(b []byte) int {
	deepest, now, quoted := 0, 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

// sniff tells the format of a report by its outermost keys; "" when none fits.
func sniff(b []byte) Format {
	b = bytes.TrimSpace(b)
	if bytes.HasPrefix(b, []byte("<")) {
		return CycloneDX // it tells whether it is
	}
	if bytes.HasPrefix(b, []byte("[")) {
		d := json.NewDecoder(bytes.NewReader(b))
		if _, err := d.Token(); err != nil || !d.More() {
			return ""
		}
		var first map[string]json.RawMessage
		if d.Decode(&first) != nil {
			return ""
		}
		return byKeys(first)
	}
	var top map[string]json.RawMessage
	if json.NewDecoder(bytes.NewReader(b)).Decode(&top) != nil {
		return ""
	}
	return byKeys(top)
}

// byKeys tells the format by the keys of its outermost object.
func byKeys(top map[string]json.RawMessage) Format {
	has := func(all ...string) bool {
		for _, k := range all {
			if _, ok := top[k]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case has("runs", "version"):
		return SARIF
	case has("bomFormat"):
		return CycloneDX
	case has("SchemaVersion", "ArtifactName"), has("SchemaVersion", "Results"):
		return Trivy
	case has("matches", "descriptor"):
		return Grype
	case has("check_type"), has("checkov_version"):
		return Checkov
	case has("kics_version"), has("queries", "files_scanned"):
		return KICS
	case has("site") && (has("@version") || has("@generated")):
		return ZAP
	case has("template-id"):
		return Nuclei
	case has("vulnerabilities", "packageManager"), has("vulnerabilities", "dependencyCount"),
		has("infrastructureAsCodeIssues"), has("ok", "error", "path"):
		return Snyk
	case has("results") && strings.Contains(string(top["results"]), `"packages"`), has("results", "experimental_config"):
		return OSVScanner
	}
	return ""
}

// empty tells whether content that has no mark of any format is what a tool of
// this one writes when it found nothing.
func empty(f Format, b []byte) bool {
	switch s := string(bytes.Join(bytes.Fields(b), nil)); f {
	case Nuclei:
		return s == "" || s == "[]"
	case Checkov, Snyk:
		return s == "[]"
	case OSVScanner:
		return s == `{"results":[]}` || s == `{"results":null}`
	}
	return false
}

// decode reads one JSON value that nothing follows.
func decode(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows it")
	}
	return nil
}

// each reads a list of values, or one alone, as some tools write where there is
// only one.
func each[T any](b []byte) ([]T, error) {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte("[")) {
		var all []T
		err := decode(b, &all)
		return all, wrong(err)
	}
	var one T
	if err := decode(b, &one); err != nil {
		return nil, wrong(err)
	}
	return []T{one}, nil
}

// wrong says that JSON is not what it should be.
func wrong(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("malformed: %w", err)
}
