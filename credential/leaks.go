package credential

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/report"
)

// span is a part of content that a rule is tried on.
type span struct {
	rule     int // everyRule: all of them, and on what is decoded too
	from, to int
}

const everyRule = -1

// suspects collects the spans of one file.
type suspects struct {
	*leaks
	kind
	content []byte
	spans   []span
	paths   map[int]bool // whether a rule is about a file of this path
}

// at notes the spans of a keyword that begins at a place.
func (s *suspects) at(at int, word string, uses []use) {
	for _, u := range uses {
		r := s.rules[u.rule]
		end := min(len(s.content), at+u.after)
		switch {
		case u.assigned && !follows(s.content[at+len(word):max(end, at+len(word))], r.value, u.digit && !s.structured):
			continue
		case !u.assigned && !runs(s.content, max(0, at-u.before), end, r.run):
			continue
		case r.Path != nil && !s.here(u.rule):
			continue
		}
		s.add(u.rule, at-u.before, at+u.after)
	}
	if escaped(s.content[at+len(word):]) {
		s.add(everyRule, at-100, at+360)
	}
}

// here tells whether a rule is about files of this path.
func (s *suspects) here(number int) bool {
	if s.paths == nil {
		s.paths = map[int]bool{}
	}
	yes, known := s.paths[number]
	if !known {
		yes = s.rules[number].Path.MatchString(s.path)
		s.paths[number] = yes
	}
	return yes
}

// add notes a span: whole lines, unless they are long.
func (s *suspects) add(number, from, to int) {
	x := span{number, max(0, from), min(len(s.content), to)}
	begin := max(0, x.from-200)
	if i := bytes.LastIndexByte(s.content[begin:x.from], '\n'); i >= 0 {
		x.from = begin + i + 1
	}
	if i := bytes.IndexByte(s.content[x.to:min(len(s.content), x.to+200)], '\n'); i >= 0 {
		x.to += i
	}
	s.spans = append(s.spans, x)
}

// find gives what gitleaks finds in the spans.
func (s *suspects) find(ctx context.Context) []Hit {
	if s.encoded(); len(s.spans) == 0 || s.passed(s.path) {
		return nil
	}
	var hits []Hit
	at := newLines(s.content)
	for _, x := range merge(s.spans) {
		first, _ := at.place(x.from)
		detector, path := s.deep, s.path
		if x.rule != everyRule {
			if detector = s.rules[x.rule].detector(); !s.rules[x.rule].pathed {
				path = "" // it was asked about once, for all rules
			}
		}
		fragment := detect.Fragment{Raw: string(s.content[x.from:x.to]), FilePath: path, StartLine: first}
		for _, f := range detector.DetectContext(ctx, fragment) {
			if f.Line == "" || f.RuleID == genericRule && !s.generic(s.kind, f) {
				continue // a rule about names, see names
			}
			if h := s.hit(s.content, x, at, f); f.RuleID != kubernetesRule || judge(h.Value, classPassword, levelOwn) == "" {
				hits = append(hits, h)
			}
		}
	}
	return hits
}

// passed tells whether gitleaks passes over files of this path.
func (l *leaks) passed(path string) bool {
	return slices.ContainsFunc(l.config.Allowlists, func(a *config.Allowlist) bool {
		return a.MatchCondition == config.AllowlistMatchOr && a.PathAllowed(path)
	})
}

// names gives what the name of the file alone tells.
func (l *leaks) names(path string) []Hit {
	var hits []Hit
	for _, r := range l.rules {
		if r.Regex == nil && r.Path != nil && r.Path.MatchString(path) && !l.passed(path) {
			hits = append(hits, Hit{Rule: r.RuleID, Message: strings.TrimSuffix(r.Description, "."), at: -1})
		}
	}
	return hits
}

// generic tells whether a finding of gitleaks' general rule is worth telling:
// its entropy lets words, paths and addresses through.
func (l *leaks) generic(k kind, f report.Finding) bool {
	return !k.generated && judge(f.Secret, classToken, levelCode) == "" && !strings.HasPrefix(f.Secret, "age1") // a public key
}

func (l *leaks) hit(content []byte, s span, at lines, f report.Finding) Hit {
	h := Hit{Rule: f.RuleID, Message: strings.TrimSuffix(f.Description, "."), Value: f.Secret, Line: f.StartLine, Column: f.StartColumn, at: -1}
	to := s.to
	if f.RuleID == kubernetesRule { // it takes name and value of the data
		_, h.Value, _ = strings.Cut(f.Secret, ":")
		h.Value = strings.Trim(h.Value, " \"'")
	}
	// f.Line is the source from the beginning of the match's line to its end.
	from := max(s.from, at.starts[min(f.StartLine, len(at.starts))-1])
	if f.RuleID != kubernetesRule { // whose value is lines away from what it begins with
		to = min(to, from+len(f.Line)+1)
	}
	for _, written := range []string{h.Value, base64.StdEncoding.EncodeToString([]byte(h.Value[:len(h.Value)/3*3]))} {
		if i := bytes.Index(content[from:to], []byte(written)); i >= 0 && written != "" {
			h.at = from + i
			h.Line, h.Column = at.place(h.at)
			break
		}
	} // else the secret was found in decoded text
	return h
}

// merge joins spans of the same rule that overlap.
func merge(all []span) []span {
	slices.SortFunc(all, func(a, b span) int { return cmp.Or(cmp.Compare(a.rule, b.rule), cmp.Compare(a.from, b.from)) })
	kept := all[:0]
	for _, s := range all {
		if n := len(kept); n > 0 && s.rule == kept[n-1].rule && s.from <= kept[n-1].to {
			kept[n-1].to = max(kept[n-1].to, s.to)
			continue
		}
		kept = append(kept, s)
	}
	return kept
}
