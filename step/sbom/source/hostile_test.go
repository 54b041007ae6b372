package source

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/format/cyclonedx"
)

// TestHostileTrees: files that are made to break a reader end in an honest
// partial result: what can be read is listed, and the rest is a finding.
func TestHostileTrees(t *testing.T) {
	var large strings.Builder
	large.WriteString(`{"name":"shop","lockfileVersion":3,"packages":{"":{"name":"shop"}`)
	for i := range 100_000 {
		fmt.Fprintf(&large, `,"node_modules/p%d":{"version":"1.0.%d"}`, i, i)
	}
	large.WriteString("}}")
	var pnpm strings.Builder
	pnpm.WriteString("lockfileVersion: '9.0'\npackages:\n")
	for i := range 50_000 {
		fmt.Fprintf(&pnpm, "  p%d@1.0.%d:\n    resolution: {integrity: sha512-x}\n", i, i)
	}
	for name, c := range map[string]struct {
		path, content string
		components    int
		findings      int
	}{
		"a lock file of 100,000 packages": {"package-lock.json", large.String(), 100_000, 0},
		"one of 50,000 of pnpm":           {"pnpm-lock.yaml", pnpm.String(), 50_000, 0},
		"a huge pom.xml":                  {"pom.xml", "<project>" + strings.Repeat("<dependency/>", 100_000) + "</project>", 0, 1},
		"dependencies in a circle": {"package-lock.json", `{"name":"shop","lockfileVersion":3,"packages":{"":{"dependencies":{"a":"1"}},
			"node_modules/a":{"version":"1.0.0","dependencies":{"b":"1"}},"node_modules/b":{"version":"1.0.0","dependencies":{"a":"1"}}}}`, 2, 0},
		"cut JSON":               {"package-lock.json", `{"name":"shop","lockfileVersion":3,"packages":{"node_modules/a":{"ver`, 0, 1},
		"bytes that are no text": {"Cargo.lock", "version = 3\n[[package]]\nname = \"a\xff\xfe\"\nversion = \"1.0.0\"\n", 0, 1},
		"names that are no text": {"requirements.txt", "ok==1.0\n\xff\xfe\x00==2.0\n", -1, -1},
		"braces without end":     {"composer.lock", strings.Repeat("[", 1_000_000), 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := write(t, map[string]string{c.path: c.content, "good/requirements.txt": "left==1.0\n"})
			out, d, _ := list(t, dir, nil)
			if c.components >= 0 && (len(d.Components) != c.components+1 || len(out.Findings) != c.findings) {
				t.Errorf("%d components, %d findings", len(d.Components), len(out.Findings))
			}
			if _, err := cyclonedx.Encode(d); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLinksInCirclesAreNotFollowed(t *testing.T) {
	dir := write(t, map[string]string{"a/requirements.txt": "left==1.0\n"})
	for _, l := range [][2]string{{".", "a/up"}, {"loop", "loop"}, {"../a", "a/again"}, {"/etc", "etc"}} {
		if err := os.Symlink(l[0], filepath.Join(dir, l[1])); err != nil {
			t.Fatal(err)
		}
	}
	if _, d, _ := list(t, dir, nil); len(d.Components) != 1 {
		t.Errorf("%d components", len(d.Components))
	}
}
