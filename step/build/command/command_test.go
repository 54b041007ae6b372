package command_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead.dev"
	guarded "fairlead.dev/command"
	"fairlead.dev/step"
	"fairlead.dev/step/build/command"
	"fairlead.dev/step/steptest"
)

func TestMain(m *testing.M) {
	guarded.Guard()
	os.Exit(m.Run())
}

// build makes a config.
func build(run string, artifacts ...string) command.Config {
	return command.Config{Run: run, Artifacts: artifacts}
}

func TestBuild(t *testing.T) {
	steptest.Run(t, command.Type(),
		steptest.Case{
			Name: "artifacts are kept by digest", Config: build("mkdir -p bin; echo one >bin/one; echo two >bin/two; chmod 755 bin/one", "bin/*"),
			Want: step.Done, Check: twoArtifacts,
		},
		steptest.Case{
			Name: "a real Go program", Testdata: "go", Config: build("go build -o bin/shop .", "bin/shop"), Prepare: goCache,
			Want: step.Done, Check: func(t *testing.T, _ step.In, out step.Out) {
				if len(out.Artifacts) != 1 || out.Artifacts[0].Size < 100_000 || out.Artifacts[0].Mode&0o111 == 0 {
					t.Errorf("artifacts %+v", out.Artifacts)
				}
			},
		},
		steptest.Case{Name: "no artifacts", Config: build("true"), Want: step.Done},
		steptest.Case{
			Name: "the command fails", Config: build("echo main.go:3: undefined: x; exit 3", "bin/*"),
			Want: step.Failed, Check: reasonHas("exit code 3", "main.go:3: undefined: x"),
		},
		steptest.Case{
			Name: "a secret in the last lines", Config: build("echo token is hunter2hunter2; exit 1"), Want: step.Failed,
			Prepare: func(_ *testing.T, in *step.In) { in.Secrets = []string{"hunter2hunter2"} }, Check: reasonHas("token is ***"),
		},
		steptest.Case{
			Name: "all that is missing is named", Config: build("mkdir dir", "bin/shop", "dist/*", "dir"),
			Want: step.Failed, Check: reasonHas("bin/shop does not exist", "dist/* matches no file", "dir is a directory"),
		},
		steptest.Case{
			Name: "a link that leads out", Config: build("ln -s /etc/passwd out; ln -s ../../etc up", "out", "up/passwd"),
			Want: step.Failed, Check: reasonHas("out is not inside the checkout", "up/passwd is not inside the checkout"),
		},
		steptest.Case{
			Name: "a link that leads out is not followed by a glob", Config: build("mkdir a; ln -s /etc/passwd a/out", "a/**"), Want: step.Failed,
		},
		steptest.Case{
			Name: "a pipe does not block", Config: build("mkfifo p", "p"), Want: step.Failed, Check: reasonHas("p is not a regular file"),
		},
		steptest.Case{Name: "a path that leads out", Config: build("true", "../x"), Kind: fairlead.KindInvalid},
		steptest.Case{Name: "an absolute path", Config: build("true", "/etc/passwd"), Kind: fairlead.KindInvalid},
		steptest.Case{Name: "a malformed glob", Config: build("true", "a[/b"), Kind: fairlead.KindInvalid},
		steptest.Case{Name: "it runs until it is cancelled", Config: build("sleep 60"), Stop: true},
		steptest.Case{
			Name: "hidden directories are hidden", Config: build("cat KEY/key"), Want: step.Failed,
			Prepare: func(t *testing.T, in *step.In) {
				dir := t.TempDir()
				if err := os.WriteFile(filepath.Join(dir, "key"), []byte("key"), 0o600); err != nil {
					t.Fatal(err)
				}
				in.Hide, in.Config = []string{dir}, build("cat "+dir+"/key")
			},
			Check: reasonHas("No such file"),
		},
	)
}

func twoArtifacts(t *testing.T, _ step.In, out step.Out) {
	want := []fairlead.Artifact{
		{Name: "bin/one", Digest: fairlead.DigestBytes([]byte("one\n")), Size: 4, Mode: 0o755},
		{Name: "bin/two", Digest: fairlead.DigestBytes([]byte("two\n")), Size: 4, Mode: 0o644},
	}
	if !slices.Equal(out.Artifacts, want) {
		t.Errorf("artifacts %+v", out.Artifacts)
	}
	if len(out.Claims) != 1 || len(out.Claims[0].Subjects) != 2 || out.Claims[0].Subjects[0].Digest != want[0].Digest {
		t.Fatalf("claims %+v", out.Claims)
	}
	var p struct {
		Command, Commit string
		Environment     []string
	}
	if err := json.Unmarshal(out.Claims[0].Predicate, &p); err != nil || p.Commit != steptest.Commit || !strings.Contains(p.Command, "echo two") {
		t.Errorf("predicate %s: %v", out.Claims[0].Predicate, err)
	}
	if !slices.Equal(p.Environment, []string{"CI", "FAIRLEAD_COMMIT", "HOME", "PATH"}) {
		t.Errorf("environment %v", p.Environment)
	}
}

func reasonHas(parts ...string) func(*testing.T, step.In, step.Out) {
	return func(t *testing.T, _ step.In, out step.Out) {
		for _, part := range parts {
			if !strings.Contains(out.Reason, part) {
				t.Errorf("reason %q does not say %q", out.Reason, part)
			}
		}
	}
}

// goCache lets go build in the case share this machine's build cache.
func goCache(t *testing.T, in *step.In) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	in.Env = append(in.Env, "GOCACHE="+filepath.Join(cache, "go-build"), "GOTOOLCHAIN=local", "GOFLAGS=-trimpath")
}
