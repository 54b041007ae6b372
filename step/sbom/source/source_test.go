package source

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/step"
)

var update = flag.Bool("update", false, "write what is found into testdata")

// files keeps blobs in a directory.
type files struct{ dir string }

func (f files) Put(_ context.Context, r io.Reader) (fairlead.Digest, int64, error) {
	b, err := io.ReadAll(r)
	if err != nil {
		return "", 0, err
	}
	d := fairlead.DigestBytes(b)
	return d, int64(len(b)), os.WriteFile(filepath.Join(f.dir, d.Hex()), b, 0o600)
}

// list runs the step on a tree and gives the document it leaves.
func list(t *testing.T, dir string, edit func(*Config)) (step.Out, cyclonedx.Document, string) {
	t.Helper()
	c := Type().Config.(Config)
	if edit != nil {
		edit(&c)
	}
	blobs := files{t.TempDir()}
	var output bytes.Buffer
	out, err := Type().Run(t.Context(), step.In{
		Config: c, Workspace: dir, Output: &output, Blobs: blobs, Service: "shop",
		Event: fairlead.Event{Commit: strings.Repeat("ab", 20), Time: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(blobs.dir, out.Artifacts[0].Digest.Hex()))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, out.Claims[0].Predicate) || out.Claims[0].PredicateType != fairlead.PredicateSBOM {
		t.Error("the claim is not the document")
	}
	d, err := cyclonedx.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return out, d, output.String()
}

func write(t *testing.T, files map[string]string) string {
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

func shop(t *testing.T) (*txtar.Archive, string) {
	t.Helper()
	a, err := txtar.ParseFile("testdata/shop.txtar")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, f := range a.Files {
		if f.Name != "want" {
			all[f.Name] = string(f.Data)
		}
	}
	return a, write(t, all)
}

func TestEveryKindOfManifest(t *testing.T) {
	a, dir := shop(t)
	out, d, output := list(t, dir, nil)
	var got strings.Builder
	for _, c := range d.Components {
		var at []string
		for _, o := range c.Found {
			at = append(at, o.Path)
		}
		fmt.Fprintln(&got, c.Scope, c.PURL, strings.Join(at, " "))
	}
	want := &a.Files[len(a.Files)-1]
	if *update {
		want.Data = []byte(got.String())
		if err := os.WriteFile("testdata/shop.txtar", txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got.String() != string(want.Data) {
		t.Errorf("components\n%swant\n%s%s", &got, want.Data, output)
	}
	if len(out.Findings) != 0 || out.Outcome != step.Done {
		t.Errorf("%s, findings %v", out.Outcome, out.Findings)
	}
	if d.Root.Name != "shop" || !slices.Contains(d.Root.DependsOn, "pkg:golang/github.com/google/uuid@1.6.0") {
		t.Errorf("root %+v", d.Root)
	}
}

func TestSameCommitSameBytes(t *testing.T) {
	_, dir := shop(t)
	first, _, _ := list(t, dir, nil)
	for range 5 {
		_, other := shop(t)
		if again, _, _ := list(t, other, nil); again.Artifacts[0].Digest != first.Artifacts[0].Digest {
			t.Fatal("another checkout of the same commit gives other bytes")
		}
	}
}

func TestConfigHasAnEffect(t *testing.T) {
	_, dir := shop(t)
	purls := func(edit func(*Config)) []string {
		_, d, _ := list(t, dir, edit)
		var all []string
		for _, c := range d.Components {
			all = append(all, c.PURL)
		}
		return all
	}
	if got := purls(func(c *Config) { c.Dev = false }); slices.Contains(got, "pkg:npm/tape@5.0.0") || !slices.Contains(got, "pkg:npm/left-pad@1.3.0") {
		t.Errorf("without development: %v", got)
	}
	if got := purls(func(c *Config) { c.Exclude = []string{"{web,old,new,py,rs,rb,php,jvm}/**"} }); len(got) != 3 {
		t.Errorf("with only the root: %v, want the two modules and the standard library", got)
	}
}

func TestUnreadableManifestIsAFinding(t *testing.T) {
	dir := write(t, map[string]string{"package-lock.json": "{", "go.mod": "module example.org/a\n\ngo 1.26\n"})
	out, d, output := list(t, dir, nil)
	if len(out.Findings) != 1 || out.Findings[0].Location.Path != "package-lock.json" || out.Findings[0].Fix == "" {
		t.Errorf("findings %+v", out.Findings)
	}
	if len(d.Components) != 1 || !strings.Contains(output, "package-lock.json: not read") {
		t.Errorf("components %v, output %q", d.Components, output)
	}
}

func TestNothingOutsideTheTreeIsRead(t *testing.T) {
	outside := write(t, map[string]string{"requirements.txt": "secretpkg==1.0\n"})
	dir := write(t, map[string]string{
		"py/requirements.txt": "-r " + filepath.Join("..", "..", filepath.Base(outside), "requirements.txt") + "\n-r ../linked/requirements.txt\n-r " + outside + "/requirements.txt\nflask==3.0.0\n",
	})
	for name, to := range map[string]string{"linked": outside, "requirements.txt": filepath.Join(outside, "requirements.txt")} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	_, d, _ := list(t, dir, nil)
	if len(d.Components) != 1 || d.Components[0].Name != "flask" {
		t.Errorf("components %+v, want flask alone", d.Components)
	}
}

func TestEmptyTreeAndMistakes(t *testing.T) {
	if _, d, _ := list(t, t.TempDir(), nil); len(d.Components) != 0 {
		t.Errorf("components of nothing: %v", d.Components)
	}
	c := Type().Config.(Config)
	c.Exclude = []string{"[a"}
	if _, err := Type().Run(t.Context(), step.In{Config: c, Workspace: t.TempDir()}); fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("a wrong glob gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Type().Run(ctx, step.In{Config: Type().Config, Workspace: t.TempDir(), Output: io.Discard})
	if fairlead.KindOf(err) != fairlead.KindCancelled {
		t.Errorf("a cancelled run gives %v", err)
	}
}
