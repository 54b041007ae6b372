package external_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/external"
	"fairlead.dev/step/steptest"
)

func TestMain(m *testing.M) {
	command.Guard()
	os.Exit(m.Run())
}

// fakes are programs that stand in for scanners: none of the real ones is needed
// to test how one is run and how its end is understood.
func fakes(t *testing.T) map[string]string {
	t.Helper()
	content := func(name string) string {
		b, err := os.ReadFile(filepath.Join("..", "..", "..", "report", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return "cat <<'END'\n" + string(b) + "\nEND\n"
	}
	// out is the value of the option that names the report.
	const out = `for a; do case $a in --output=*|--file=*) out=${a#*=};; esac; last=$a; done` + "\n"
	return map[string]string{
		"trivy":       `test "$1" = --version && { echo "Version: 0.58.1"; exit; }` + "\n" + out + `test "$1 $2 $last" = "fs --format=json ." || exit 9` + "\n" + "{ " + content("trivy-image.json") + `} >"$out"`,
		"grype":       `test "$1" = version && { printf 'Application: grype\nVersion: 0.1.2\n'; exit; }` + "\n" + out + "{ " + content("grype.json") + `} >"$out"; exit 2`,
		"checkov":     `test "$1" = --version && { echo 3.2.1; exit; }` + "\n" + "echo progress >&2\n" + content("checkov.json") + "exit 1",
		"nuclei":      `test "$1" = -version && { echo 'Nuclei Engine Version: v3.3.7' >&2; exit; }` + "\n" + `test "$2" = http://127.0.0.1:1 || exit 9`,
		"osv-scanner": `test "$1" = --version && exit; exit 128`,
		"semgrep":     `test "$1" = --version && { echo 1.101.0; exit; }` + "\n" + `case "$*" in *--config=p/default*) echo no rules; exit 7;; esac`,
		"snyk":        "echo 'broken: token kd83-secret-token'; exit 2",
		"slow":        `test "$1" = --version || sleep 60`,
		"large":       `test "$1" = --version || head -c 300000000 /dev/zero | tail -c 299999999 | tail -c 1`,
		"alone":       `test "$1" = --version && exit; test "$(readlink /proc/self/ns/net)" = "$(cat net)" && exit 9; echo '{"version":"2.1.0","runs":[]}'; exit 4`,
	}
}

// path puts the programs into a folder and that into the step's PATH.
func path(t *testing.T, in *step.In) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range fakes(t) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	i := slices.IndexFunc(in.Env, func(v string) bool { return strings.HasPrefix(v, "PATH=") })
	in.Env = slices.Clone(in.Env)
	in.Env[i] = "PATH=" + dir + ":" + strings.TrimPrefix(in.Env[i], "PATH=")
	if net, err := os.Readlink("/proc/self/ns/net"); err == nil {
		if err := os.WriteFile(filepath.Join(in.Workspace, "net"), []byte(net), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in.Secrets = []string{"kd83-secret-token"}
}

func TestPrograms(t *testing.T) {
	tool := func(name string, more ...func(*external.Config)) external.Config {
		return config(func(c *external.Config) {
			c.Tool = name
			for _, change := range more {
				change(c)
			}
		})
	}
	own := func(name string, args ...string) func(*external.Config) {
		return func(c *external.Config) { c.Program, c.Args = name, args }
	}
	finds := func(n int, version string) func(*testing.T, step.In, step.Out) {
		return func(t *testing.T, _ step.In, out step.Out) {
			if len(out.Findings) != n || !strings.Contains(out.Reason, version) {
				t.Errorf("%d findings: %s; want %d of %s", len(out.Findings), out.Reason, n, version)
			}
			for _, f := range out.Findings {
				if f.ToolVersion != version {
					t.Errorf("tool version %q", f.ToolVersion)
				}
			}
		}
	}
	says := func(want string) func(*testing.T, step.In, step.Out) {
		return func(t *testing.T, _ step.In, out step.Out) {
			if !strings.Contains(out.Reason, want) || len(out.Findings) != 0 {
				t.Errorf("%d findings, reason %q, want %q", len(out.Findings), out.Reason, want)
			}
		}
	}
	running := func(t *testing.T, in *step.In) {
		path(t, in)
		in.Endpoint = "http://127.0.0.1:1"
	}
	missing := func(c *external.Config) { c.Program = "no-such-scanner" }
	steptest.Run(t, external.Type(),
		steptest.Case{Name: "trivy", Prepare: path, Config: tool("trivy"), Want: step.Done, Check: finds(2, "trivy 0.58.1")},
		steptest.Case{Name: "found is no failure", Prepare: path, Config: tool("grype"), Want: step.Done, Check: finds(3, "grype 0.94.0")},
		steptest.Case{
			Name: "printed", Prepare: path, Config: tool("checkov"), Want: step.Done,
			Check: func(t *testing.T, in step.In, out step.Out) {
				finds(3, "checkov 3.2.334")(t, in, out)
				if !out.Partial {
					t.Error("it could not read everything, and is complete")
				}
			},
		},
		steptest.Case{Name: "nothing found, nothing written", Prepare: running, Config: tool("nuclei"), Want: step.Done, Check: finds(0, "nuclei 3.3.7")},
		steptest.Case{Name: "no service", Prepare: path, Config: tool("nuclei"), Want: step.Skipped, Check: says("phase: preview")},
		steptest.Case{Name: "nothing to look at", Prepare: path, Config: tool("osv-scanner"), Want: step.Skipped, Check: says("nothing that it could look at")},
		steptest.Case{Name: "the default ones fail", Prepare: path, Config: tool("semgrep"), Want: step.Failed, Check: says("no rules")},
		steptest.Case{
			Name: "further arguments in the place of default ones, and no report", Prepare: path, Want: step.Failed, Check: says("left no report"),
			Config: tool("semgrep", func(c *external.Config) { c.Extra = []string{"--config=rules"} }),
		},
		steptest.Case{Name: "failed", Prepare: path, Config: tool("snyk"), Want: step.Failed, Check: says("snyk: exit code 2")},
		steptest.Case{Name: "absent", Config: tool("trivy", missing), Want: step.Skipped, Check: says("trivy is not installed")},
		steptest.Case{
			Name: "absent and required", Want: step.Failed, Check: says("trivy is not installed"),
			Config: tool("trivy", missing, func(c *external.Config) { c.Required = true }),
		},
		steptest.Case{
			Name: "too slow", Prepare: path, Kind: fairlead.KindTimeout,
			Config: tool("", own("slow", "{target}"), func(c *external.Config) { c.Time = fairlead.Duration(time.Second) }),
		},
		steptest.Case{Name: "cancelled", Prepare: path, Config: tool("", own("slow", "{target}")), Stop: true},
		steptest.Case{
			Name: "too large", Prepare: path, Want: step.Failed, Check: says("too much memory"),
			Config: tool("", own("large", "{target}"), func(c *external.Config) { c.MaxMiB = 64 }),
		},
		steptest.Case{
			Name: "an exit code of one's own, without a network", Prepare: path, Want: step.Done, Check: finds(0, "as sarif"),
			Config: tool("", own("alone", "{target}"), func(c *external.Config) { c.Network, c.Found = false, []int{4} }),
		},
		steptest.Case{
			Name: "with the network", Prepare: path, Want: step.Failed, Check: says("exit code 9"),
			Config: tool("", own("alone", "{target}"), func(c *external.Config) { c.Found = []int{4} }),
		},
		steptest.Case{
			Name: "another target", Prepare: path, Want: step.Failed, Check: says("exit code 9"),
			Config: tool("trivy", func(c *external.Config) { c.Target = "web" }),
		},
		steptest.Case{Name: "a program without arguments", Config: config(func(c *external.Config) { c.Program = "slow" }), Kind: fairlead.KindInvalid},
		steptest.Case{
			Name: "a report and a program", Kind: fairlead.KindInvalid,
			Config: config(func(c *external.Config) { c.Report, c.Program = "x.sarif", "slow" }),
		},
	)
}
