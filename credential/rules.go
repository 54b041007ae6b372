package credential

import (
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"
	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
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

// leaks is gitleaks, made fast. Its rules are regular expressions that take a
// second for a few megabytes, so each is tried only where one of its keywords
// stands, with what every match of it must have nearby, and there on no more
// than a match can take.
type leaks struct {
	config config.Config
	allow  bool             // a line with the comment gitleaks:allow is passed over
	deep   *detect.Detector // all rules
	rules  []*rule
	uses   map[string][]use // by keyword
	words  *words           // all keywords
}

// rule is one of gitleaks' and what is known about its matches.
type rule struct {
	config.Rule
	shape
	name     string // of an expression for a name, an operator and a value: that for the name, in lower case
	value    int    // and how many bytes of a key the value begins with at least
	pathed   bool   // the path of the file matters
	detector func() *detect.Detector
}

// use is a rule to try where a keyword stands.
type use struct {
	rule          int
	before, after int  // how far a match reaches beyond the beginning of the keyword
	assigned      bool // the value follows the keyword and an operator
	digit         bool // the value must have a digit
}

// operator is what gitleaks' rules about values with a name have between both.
const operator = `(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}`

func newLeaks(inlineAllow bool) (*leaks, error) {
	c, err := rules()
	if err != nil {
		return nil, err
	}
	l := &leaks{config: c, allow: inlineAllow, uses: map[string][]use{}}
	l.deep = l.detectorOf(c, decodeDepth)
	for i, id := range slices.Sorted(maps.Keys(c.Rules)) {
		r := l.rule(c.Rules[id])
		l.rules = append(l.rules, r)
		if r.Regex == nil {
			continue // a rule about names, see names
		}
		for _, word := range r.Keywords {
			for _, w := range keywords(strings.ToLower(word)) {
				l.uses[w] = append(l.uses[w], r.use(i, w))
			}
		}
	}
	l.words = newWords(slices.Sorted(maps.Keys(l.uses)))
	return l, nil
}

// detectorOf makes a detector, which is safe for concurrent use when no setting
// is changed after.
func (l *leaks) detectorOf(c config.Config, depth int) *detect.Detector {
	d := detect.NewDetector(c)
	d.IgnoreGitleaksAllow = !l.allow
	d.MaxDecodeDepth = depth
	return d
}

func (l *leaks) rule(r config.Rule) *rule {
	out := &rule{Rule: r, shape: shape{most: endless}, pathed: r.Path != nil}
	for _, a := range r.Allowlists {
		out.pathed = out.pathed || len(a.Paths) > 0
	}
	if r.Regex != nil {
		out.shape = shapeOf(r.Regex.String())
		if name, value, ok := strings.Cut(r.Regex.String(), operator); ok && shapeOf(name).whole {
			out.name, out.value = strings.ToLower(name), shapeOf(value).head
		}
	}
	out.detector = sync.OnceValue(func() *detect.Detector {
		words := map[string]struct{}{}
		for _, w := range r.Keywords {
			words[strings.ToLower(w)] = struct{}{}
		}
		return l.detectorOf(config.Config{Rules: map[string]config.Rule{r.RuleID: r}, Keywords: words, Allowlists: l.config.Allowlists}, 0)
	})
	return out
}

// keywords makes of a keyword that is too short those that stand for it in what
// the rule is about.
func keywords(word string) []string {
	switch {
	case word == "ey":
		return []string{"eyj"} // the base64 of every JSON object without a space in front
	case word == "q~":
		return []string{"0q~", "1q~", "2q~", "3q~", "4q~", "5q~", "6q~", "7q~", "8q~", "9q~"} // Azure's have a digit before it
	case len(word) < 3:
		return nil // Vault's former tokens, see encoded
	}
	return []string{word}
}

// use says where the rule is to be tried for one of its keywords. A match that
// has no bound is looked for in the next kilobytes.
func (r *rule) use(number int, word string) use {
	u := use{rule: number, before: 250, after: 2 << 10, assigned: strings.Contains(r.name, word)}
	if strings.Contains(strings.ToLower(r.Regex.String()), word) { // else a match is somewhere near
		u.before, u.after = min(r.most, u.before), min(r.most, u.after)
	}
	switch r.RuleID {
	case "private-key":
		u.after = 32 << 10
	case kubernetesRule:
		u.before, u.after = 1<<10, 4<<10
	case genericRule:
		u.before, u.after, u.assigned, u.digit = 120, 360, true, true
	case "curl-auth-user", "curl-auth-header":
		u.after = 1 << 10
	}
	return u
}
