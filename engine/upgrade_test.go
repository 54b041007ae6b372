package engine_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// A run that one binary began is finished by the next one: with the new code
// where it had not come to the change, with the old code where it had.
func TestRunSurvivesAnUpgradeOfTheBinary(t *testing.T) {
	old, upgraded := build(t, "1"), build(t, "2")
	if bytes.Equal(content(t, old), content(t, upgraded)) {
		t.Fatal("the two releases are the same binary")
	}
	onEach(t, func(t *testing.T, url string) {
		for _, c := range []struct{ kill, want string }{
			{"after f/build", "build1 scan2 deploy2 verify2 "},
			{"after f/deploy", "build1 deploy1 verify2 "},
			{"before f/verify", "build1 deploy1 verify2 "},
		} {
			t.Run(filepath.Base(c.kill), func(t *testing.T) {
				dir, url := t.TempDir(), freshLike(t, url)
				if out, err := exec.Command(old, url, dir, c.kill).CombinedOutput(); !killed(err) {
					t.Fatalf("the old binary was not killed: %v\n%s", err, out)
				}
				out, err := exec.Command(upgraded, url, dir, "").Output()
				if err != nil || string(out) != c.want {
					t.Errorf("the new binary: %q, %v; want %q", out, err, c.want)
				}
			})
		}
	})
}

// build makes one release of testdata/upgrade.
func build(t *testing.T, release string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "upgrade"+release)
	out, err := exec.Command("go", "build", "-ldflags", "-X main.release="+release, "-o", path, "./testdata/upgrade").CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
