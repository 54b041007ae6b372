package secrets

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/step"
)

// Values of the right shape that belong to nobody, put together here so that
// no scanner takes this file for a leak.
func values() map[string]string {
	github := "ghp" + "_" + "x7Kq2Wm9Zt4Rv6Yb1Nc8Ld3Hf5Jg0PsAeUiO"
	return map[string]string{
		"aws":     "AKIA" + "Z7QXW3RT5KLM2PNB",
		"github":  github,
		"private": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + strings.Repeat("MIIEowIBAAKCAQEAx7Kq2Wm9Zt4Rv6Yb1Nc8Ld3H\n", 4) + "-----END RSA " + "PRIVATE KEY-----",
		"encoded": base64.StdEncoding.EncodeToString([]byte("token = " + "ghp" + "_" + "b1Nc8Ld3Hf5Jg0PsAeUiOx7Kq2Wm9Zt4Rv6Y")),
	}
}

func leakyConf(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/app.conf.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, value := range values() {
		text = strings.ReplaceAll(text, "{{"+name+"}}", value)
	}
	return text
}

func workspace(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// scanIt runs the step and checks that no value leaves it.
func scanIt(t *testing.T, dir string, change []string, edit func(*Config)) (step.Out, string) {
	t.Helper()
	c := Type().Config.(Config)
	if edit != nil {
		edit(&c)
	}
	var output bytes.Buffer
	out, err := Type().Run(t.Context(), step.In{
		Config: c, Workspace: dir, Output: &output,
		Event: fairlead.Event{Change: fairlead.Change{Paths: change}},
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range values() {
		for _, part := range []string{value, value[len(value)-20:], value[:20]} {
			if bytes.Contains(all, []byte(part)) || strings.Contains(output.String(), part) {
				if name == "private" && strings.HasPrefix(part, "-----") {
					continue // the frame of a key is no secret
				}
				t.Errorf("the value of %s is in the output", name)
			}
		}
	}
	return out, output.String()
}

type seen struct {
	Rule, Path   string
	Line, Column int
	Severity     fairlead.Severity
}

func seenIn(out step.Out) []seen {
	var all []seen
	for _, f := range out.Findings {
		all = append(all, seen{f.Rule, f.Location.Path, f.Location.Line, f.Location.Column, f.Severity})
	}
	return all
}

func TestFindsEachSecretAtItsPlace(t *testing.T) {
	dir := workspace(t, map[string]string{"conf/app.conf": leakyConf(t), "main.go": "package main\n"})
	out, text := scanIt(t, dir, []string{"conf/app.conf", "main.go", "deleted.go"}, nil)
	want := []seen{
		{"aws-access-token", "conf/app.conf", 3, 23, fairlead.SeverityCritical},
		{"github-pat", "conf/app.conf", 5, 17, fairlead.SeverityCritical},
		{"private-key", "conf/app.conf", 7, 1, fairlead.SeverityCritical},
	}
	got := seenIn(out)
	if len(got) != 4 || !slices.Equal(got[:3], want) {
		t.Fatalf("findings\n%v\nwant\n%v and an encoded one", got, want)
	}
	if last := got[3]; last.Rule != "github-pat" || last.Line != 14 {
		t.Errorf("the encoded token: %+v, want line 14", last)
	}
	if out.Outcome != step.Done {
		t.Errorf("outcome %s, want done: the gate decides", out.Outcome)
	}
	for _, f := range out.Findings {
		if !strings.Contains(f.Fix, "revoke") || f.Message == "" || f.Tool != Name || len(f.Fingerprint) != 32 || f.Category != fairlead.CategorySecret || len(f.CWE) == 0 {
			t.Errorf("incomplete finding %+v", f)
		}
	}
	if !strings.Contains(text, "conf/app.conf:3:23: aws-access-token") || !strings.Contains(text, "2 files scanned, 0 skipped, 4 findings") {
		t.Errorf("output:\n%s", text)
	}
}

func TestScopeDecidesWhatIsScanned(t *testing.T) {
	leak := "aws_access_key_id = " + values()["aws"] + "\n"
	dir := workspace(t, map[string]string{"old.conf": leak, "new.conf": "a = 1\n", ".git/config.txt": leak, "docs/x/y.conf": leak})
	for _, tt := range []struct {
		name   string
		change []string
		edit   func(*Config)
		want   []string
	}{
		{"change", []string{"new.conf"}, nil, nil},
		{"change with the leak", []string{"old.conf"}, nil, []string{"old.conf"}},
		{"tree", nil, func(c *Config) { c.Scope = scopeTree }, []string{"docs/x/y.conf", "old.conf"}},
		{"allow", nil, func(c *Config) { c.Scope, c.Allow = scopeTree, []string{"docs/**"} }, []string{"old.conf"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, _ := scanIt(t, dir, tt.change, tt.edit)
			var got []string
			for _, f := range out.Findings {
				got = append(got, f.Location.Path)
				for _, p := range f.Further {
					got = append(got, p.Path)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("findings in %v, want %v", got, tt.want)
			}
		})
	}
}

func TestInlineAllowIsOffUnlessConfigured(t *testing.T) {
	dir := workspace(t, map[string]string{"a.conf": "key = " + values()["aws"] + " # gitleaks" + ":allow\n"})
	if out, _ := scanIt(t, dir, []string{"a.conf"}, nil); len(out.Findings) != 1 {
		t.Errorf("by default: %d findings, want 1: an author must not hide a leak", len(out.Findings))
	}
	if out, _ := scanIt(t, dir, []string{"a.conf"}, func(c *Config) { c.InlineAllow = true }); len(out.Findings) != 0 {
		t.Errorf("with inline-allow: %d findings, want 0", len(out.Findings))
	}
}

func TestKnownFindingsAreCountedNotReported(t *testing.T) {
	dir := workspace(t, map[string]string{"a.conf": "key = " + values()["aws"] + "\n"})
	out, _ := scanIt(t, dir, []string{"a.conf"}, nil)
	known := out.Findings[0].Fingerprint
	out, _ = scanIt(t, dir, []string{"a.conf"}, func(c *Config) { c.Known = []string{known} })
	if len(out.Findings) != 0 || measured(out, "findings_known") != 1 {
		t.Errorf("%d findings, %v known; want 0 and 1", len(out.Findings), measured(out, "findings_known"))
	}
}

func TestLargeAndBinaryFilesAreSkippedAndSaid(t *testing.T) {
	leak := "key = " + values()["aws"] + "\n"
	dir := workspace(t, map[string]string{
		"big.txt": leak + strings.Repeat("x", mebibyte), "image.dat": leak + "\x00\x01", "cert.p12": "\x00\x00",
	})
	out, text := scanIt(t, dir, nil, func(c *Config) { c.Scope, c.MaxMiB = scopeTree, 1 })
	if got := seenIn(out); len(got) != 1 || got[0].Rule != "pkcs12-file" {
		t.Errorf("findings %v, want only the key store, by its name", got)
	}
	if measured(out, "files_skipped") != 3 || !strings.Contains(text, "big.txt: not scanned") || !out.Partial || !slices.Equal(out.Missed, []string{"big.txt"}) || !strings.HasPrefix(out.Reason, "big.txt: not scanned") {
		t.Errorf("%v skipped, output:\n%s", measured(out, "files_skipped"), text)
	}
}

func TestSymlinksAreNotFollowed(t *testing.T) {
	outside := workspace(t, map[string]string{"secret.conf": "key = " + values()["aws"] + "\n"})
	dir := workspace(t, map[string]string{"a.txt": "nothing\n"})
	for name, to := range map[string]string{"file": filepath.Join(outside, "secret.conf"), "dir": outside} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, scope := range []string{scopeTree, scopeChange} {
		out, _ := scanIt(t, dir, []string{"a.txt", "dir", "file"}, func(c *Config) { c.Scope = scope })
		if len(out.Findings) != 0 {
			t.Errorf("scope %s: %v", scope, seenIn(out))
		}
	}
	_, err := Type().Run(t.Context(), step.In{
		Config: Type().Config, Workspace: dir, Output: &bytes.Buffer{},
		Event: fairlead.Event{Change: fairlead.Change{Paths: []string{"dir/secret.conf"}}},
	})
	if err == nil {
		t.Error("a path that leads outside the workspace was read")
	}
}

func TestFingerprintIsOfTheValue(t *testing.T) {
	leak := "key = " + values()["aws"] + "\n"
	print := func(name, content string) string {
		out, _ := scanIt(t, workspace(t, map[string]string{name: content}), []string{name}, nil)
		if len(out.Findings) != 1 {
			t.Fatalf("%d findings, want 1", len(out.Findings))
		}
		return out.Findings[0].Fingerprint
	}
	first := print("a.conf", leak)
	if print("a.conf", "\n\n# moved\n"+leak) != first {
		t.Error("a moved line has another fingerprint")
	}
	if print("b.conf", leak) != first {
		t.Error("the same value in another file is another secret")
	}
	if print("a.conf", leak+leak) != first {
		t.Error("a repeated value is not one finding")
	}
}

func TestMistakesAreProblems(t *testing.T) {
	c := Type().Config.(Config)
	c.Allow = []string{"[a"}
	_, err := Type().Run(t.Context(), step.In{Config: c, Workspace: t.TempDir(), Output: &bytes.Buffer{}})
	if fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("a wrong glob gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := workspace(t, map[string]string{"a.conf": "x"})
	c = Type().Config.(Config)
	c.Scope = scopeTree
	_, err = Type().Run(ctx, step.In{Config: c, Workspace: dir, Output: &bytes.Buffer{}})
	if fairlead.KindOf(err) != fairlead.KindCancelled {
		t.Errorf("a cancelled scan gives %v", err)
	}
}

func TestClaimIsRedactedAndComplete(t *testing.T) {
	dir := workspace(t, map[string]string{"a.conf": leakyConf(t)})
	out, _ := scanIt(t, dir, []string{"a.conf"}, nil)
	var p predicate
	if len(out.Claims) != 1 || out.Claims[0].PredicateType != fairlead.PredicateScan {
		t.Fatalf("claims %+v", out.Claims)
	}
	if err := json.Unmarshal(out.Claims[0].Predicate, &p); err != nil {
		t.Fatal(err)
	}
	if p.Tool != "gitleaks" || p.Rules < 200 || p.Scope != scopeChange || p.Scanned != 1 || len(p.Findings) != len(out.Findings) {
		t.Errorf("predicate %+v", p)
	}
}

func measured(out step.Out, name string) float64 {
	for _, m := range out.Measurements {
		if m.Name == name {
			return m.Value
		}
	}
	return -1
}
