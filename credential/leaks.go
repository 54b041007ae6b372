package credential

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"
	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
	"github.com/zricethezav/gitleaks/v8/report"
)

const (
	module = "github.com/zricethezav/gitleaks/v8"

	// genericRule is gitleaks' rule for what merely looks like a key.
	genericRule = "generic-api-key"

	// kubernetesRule is gitleaks' rule for the data of a Secret.
	kubernetesRule = "kubernetes-secret-yaml"

	// decodeDepth is how many layers of base64, hex or percent encoding are
	// looked through.
	decodeDepth = 3
)

// Version is the version of gitleaks in this binary.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "unknown"
}

// rules are gitleaks' default rules, read once. The library logs to standard
// error by default, with the values it found: it is silenced first. The rules
// are read by a viper of their own, not by the library's shared one.
var rules = sync.OnceValues(func() (config.Config, error) {
	logging.Logger = zerolog.Nop()
	v := viper.New()
	v.SetConfigType("toml")
	if err := v.ReadConfig(strings.NewReader(config.DefaultConfig)); err != nil {
		return config.Config{}, err
	}
	var raw config.ViperConfig
	if err := v.Unmarshal(&raw); err != nil {
		return config.Config{}, err
	}
	return raw.Translate()
})

// leaks is gitleaks, made fast: its rules are regular expressions that take a
// second for a few megabytes, so they are tried only on the surroundings of
// their keywords, and of general keywords only where something follows that
// can be a key.
type leaks struct {
	detector *detect.Detector
	words    *words
	reach    []reach // of each word
}

// reach is how much around a keyword a match may take.
type reach struct {
	before, after int
	sure          bool // what follows need not look like a key
	digit         bool // it must have a digit
}

// wide are the rules whose matches may be long.
func wide() map[string]reach {
	return map[string]reach{
		"private-key":           {before: 100, after: 32 << 10, sure: true},
		"curl-auth-user":        {before: 100, after: 1 << 10, sure: true},
		"curl-auth-header":      {before: 100, after: 1 << 10, sure: true},
		kubernetesRule:          {before: 1 << 10, after: 4 << 10},
		"nuget-config-password": {before: 200, after: 1 << 10, sure: true},
		"hashicorp-tf-password": {before: 200, after: 400},
		genericRule:             {before: 120, after: 360, digit: true},
	}
}

func newLeaks(inlineAllow bool) (*leaks, error) {
	c, err := rules()
	if err != nil {
		return nil, err
	}
	l := &leaks{detector: detect.NewDetector(c)}
	l.detector.IgnoreGitleaksAllow = !inlineAllow
	l.detector.MaxDecodeDepth = decodeDepth
	by, special := map[string]reach{}, wide()
	for id, rule := range c.Rules {
		r, ok := special[id]
		if !ok {
			r = reach{before: 250, after: 2 << 10}
		}
		for _, word := range rule.Keywords {
			switch word = strings.ToLower(word); word {
			case "ey":
				by["eyj"] = r // of the base64 of every JSON object without a space in front
				continue
			case "s.":
				continue // found by its form, see old
			}
			had, again := by[word]
			if again {
				r = reach{max(r.before, had.before), max(r.after, had.after), r.sure || had.sure, r.digit && had.digit}
			}
			by[word] = r
		}
	}
	var all []string
	for word := range by {
		if len(word) >= 3 {
			all = append(all, word)
		}
	}
	slices.Sort(all)
	for _, word := range all {
		l.reach = append(l.reach, by[word])
	}
	l.words = newWords(all)
	return l, nil
}

// span is a part of content.
type span struct{ from, to int }

// find gives what gitleaks finds.
func (l *leaks) find(ctx context.Context, k kind, content []byte) []Hit {
	hits := l.names(ctx, k.path)
	at := newLines(content)
	for _, s := range l.spans(k, content) {
		first, _ := at.place(s.from)
		fragment := detect.Fragment{Raw: string(content[s.from:s.to]), FilePath: k.path, StartLine: first}
		for _, f := range l.detector.DetectContext(ctx, fragment) {
			if f.Line == "" || f.RuleID == genericRule && !l.generic(k, f) {
				continue // a rule about names, see names
			}
			if h := l.hit(content, s, at, f); f.RuleID != kubernetesRule || judge(h.Value, classPassword, levelOwn) == "" {
				hits = append(hits, h)
			}
		}
	}
	return hits
}

// generic tells whether a finding of gitleaks' general rule is worth telling:
// its entropy lets words, paths and addresses through.
func (l *leaks) generic(k kind, f report.Finding) bool {
	return !k.generated && judge(f.Secret, classToken, levelCode) == "" && !strings.HasPrefix(f.Secret, "age1") // a public key
}

// names gives what the name of the file alone tells.
func (l *leaks) names(ctx context.Context, path string) []Hit {
	var hits []Hit
	for _, f := range l.detector.DetectContext(ctx, detect.Fragment{FilePath: path, StartLine: 1}) {
		hits = append(hits, Hit{Rule: f.RuleID, Message: strings.TrimSuffix(f.Description, "."), at: -1})
	}
	return hits
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

// spans gives what is worth gitleaks' while: whole lines, unless they are long.
func (l *leaks) spans(k kind, content []byte) []span {
	var all []span
	add := func(at int, r reach) {
		s := span{max(0, at-r.before), min(len(content), at+r.after)}
		if i := bytes.LastIndexByte(content[max(0, s.from-200):s.from], '\n'); i >= 0 {
			s.from = max(0, s.from-200) + i + 1
		}
		if i := bytes.IndexByte(content[s.to:min(len(content), s.to+200)], '\n'); i >= 0 {
			s.to += i
		}
		all = append(all, s)
	}
	l.words.each(content, func(at, word int) bool {
		r := l.reach[word]
		if r.sure || dense(content[at+len(l.words.all[word]):min(len(content), at+min(r.after, 300))], r.digit && !k.structured) {
			add(at, r)
		}
		return true
	})
	for _, at := range old(content) {
		add(at, reach{before: 40, after: 80})
	}
	for _, at := range l.encoded(content) {
		add(at, reach{before: 100, after: 8 << 10})
	}
	return merge(all)
}

// merge joins spans that overlap.
func merge(all []span) []span {
	slices.SortFunc(all, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	kept := all[:0]
	for _, s := range all {
		if n := len(kept); n > 0 && s.from <= kept[n-1].to {
			kept[n-1].to = max(kept[n-1].to, s.to)
			continue
		}
		kept = append(kept, s)
	}
	return kept
}
