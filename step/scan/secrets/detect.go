package secrets

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/rs/zerolog"
	"github.com/spf13/viper"
	"github.com/zricethezav/gitleaks/v8/config"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
	"github.com/zricethezav/gitleaks/v8/report"

	"fairlead.dev"
)

const (
	module = "github.com/zricethezav/gitleaks/v8"

	// decodeDepth is how many layers of base64, hex or percent encoding are
	// looked through.
	decodeDepth = 3

	// stretch makes guessing a secret from its fingerprint costly: it is the
	// number of hash rounds for each guess.
	stretch = 20_000
)

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

func newDetector(inlineAllow bool) (*detect.Detector, error) {
	c, err := rules()
	if err != nil {
		return nil, err
	}
	d := detect.NewDetector(c)
	d.IgnoreGitleaksAllow = !inlineAllow
	d.MaxDecodeDepth = decodeDepth
	return d, nil
}

// detectIn finds secrets in one file. The values stay in here.
func detectIn(ctx context.Context, d *detect.Detector, path, content string) []fairlead.Finding {
	var out []fairlead.Finding
	for _, f := range d.DetectContext(ctx, detect.Fragment{Raw: content, FilePath: path, StartLine: 1}) {
		out = append(out, fairlead.Finding{
			Fingerprint: fingerprint(f.RuleID, path, f.Secret),
			Rule:        f.RuleID,
			Tool:        Name,
			Severity:    severityOf(f.RuleID),
			Message:     strings.TrimSuffix(f.Description, "."),
			Location:    place(f, path),
			Fix:         fix(f.RuleID),
		})
	}
	return out
}

// place is where the secret begins. A finding about a file's name has no line.
func place(f report.Finding, path string) fairlead.Location {
	l := fairlead.Location{Path: path, Line: f.StartLine}
	if f.Line == "" {
		return l
	}
	// f.Line is the source from the beginning of the match's line to its end.
	before, _, ok := strings.Cut(strings.TrimPrefix(f.Line, "\n"), f.Secret)
	if !ok { // the secret was found in decoded text
		l.Column = f.StartColumn
		return l
	}
	l.Line += strings.Count(before, "\n")
	l.Column = len(before) - (strings.LastIndexByte(before, '\n') + 1) + 1
	return l
}

// fingerprint names a finding without telling its value: a slow hash of the
// value, salted with rule and path. A long random key cannot be found from
// it; a guess at a short password costs the guesser as much as it costs here.
func fingerprint(rule, path, secret string) string {
	salt := fairlead.Host + "/" + Name + "/v1\x00" + rule + "\x00" + path
	sum, err := pbkdf2.Key(sha256.New, secret, []byte(salt), stretch, sha256.Size)
	if err != nil {
		panic("secrets: fingerprint: " + err.Error()) // only for impossible parameters
	}
	return hex.EncodeToString(sum)
}

// version is the version of the library in this binary.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "unknown"
}
