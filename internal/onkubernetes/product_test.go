package onkubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program builds the fairlead under test, once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "fairlead-onkubernetes-")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir+"/", "fairlead.dev/cmd/fairlead").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build fairlead: %w: %s", err, out)
	}
	return filepath.Join(dir, "fairlead"), nil
})

// repo is a repository whose service is released to the stand's namespace by
// the real program.
type repo struct {
	*stand
	dir     string
	effects string // every build appends a line: what the outside world sees of a task
}

const repoConfig = `version: 1
service: shop
env: [SHOP_IMAGE, SHOP_EFFECTS]
build: {run: 'echo "$SHOP_IMAGE" >image.txt && echo built-$(cat version) >>$SHOP_EFFECTS', artifacts: ["deploy/**", image.txt]}
tests:
  unit: {run: 'echo tested-$(cat version) >>$SHOP_EFFECTS; echo "1..1"; echo "ok 1 - fine"', report: tap, needs: [build]}
environments:
  staging: {security: none, target: {kubernetes: %s}}
deploy:
  canary: {steps: [{weight: 20, for: 300ms}, {weight: 60, for: 300ms}], bake: 100ms, undecided: promote, ready: 120s}
  blue-green: {for: 300ms, keep-old: 0s, bake: 100ms, undecided: promote, ready: 120s}
`

func newRepo(t *testing.T, traffic map[string]any) *repo {
	t.Helper()
	s := newStand(t, traffic)
	s.config["replicas"], s.config["drain"] = 1, "3s"
	raw, err := json.Marshal(s.config)
	if err != nil {
		t.Fatal(err)
	}
	r := &repo{stand: s, dir: t.TempDir(), effects: filepath.Join(t.TempDir(), "effects")}
	yaml := manifests()
	if traffic["gateway-api"] != nil {
		yaml += route
	}
	r.write("fairlead.yaml", fmt.Sprintf(repoConfig, raw))
	r.write("deploy/shop.yaml", yaml)
	r.git("init", "-q", "-b", "develop")
	return r
}

func (r *repo) write(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *repo) git(args ...string) {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=D", "GIT_AUTHOR_EMAIL=d@example.org", "GIT_COMMITTER_NAME=D", "GIT_COMMITTER_EMAIL=d@example.org")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func (r *repo) commit(version string) {
	r.t.Helper()
	r.write("version", version)
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "Version "+version)
}

// fairlead runs the program; image is what the build says that it pushed.
func (r *repo) fairlead(image string, env []string, args ...string) (string, error) {
	r.t.Helper()
	p, err := program()
	if err != nil {
		r.t.Fatal(err)
	}
	cmd := exec.Command(p, args...)
	cmd.Dir = r.dir
	cmd.Env = append(append(os.Environ(), "SHOP_EFFECTS="+r.effects, "SHOP_IMAGE="+image), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (r *repo) run(image string) string {
	r.t.Helper()
	out, err := r.fairlead(image, nil, "run")
	if err != nil {
		r.t.Fatalf("run: %v\n%s", err, out)
	}
	return out
}

func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// As a developer I push to develop, and my service is released to the cluster
// by canary; I see where it is and what its replicas wrote; a bad release is
// rolled back by itself and says why; I go back by hand.
func TestDeliveredByTheProgram(t *testing.T) {
	r := newRepo(t, map[string]any{"gateway-api": "shop", "accept": "60s"})
	first, second := r.image("1.0.0"), r.image("2.0.0")
	r.commit("1")
	if out := r.run(first); !strings.Contains(out, "is live in staging") {
		t.Fatal(out)
	}
	crowd := r.visitors(2)
	r.commit("2")
	out := r.run(second)
	for _, want := range []string{"stage 1 of 2 (20%)", "is live in staging"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if got := r.kubectl("get", "deployments", "-o", "jsonpath={.items[*].metadata.name}={.items[*].spec.template.spec.containers[0].image}"); got != "shop="+second {
		t.Errorf("the cluster runs %s, want %s at home", got, second)
	}
	for args, want := range map[string]string{
		"env show staging":                 "1 of 1 replicas ready, 100% of traffic",
		"logs --environment staging":       "podinfo",
		"plan":                             "weights of HTTPRoute shop",
		"doctor":                           "access to staging",
		"explain target kubernetes --rbac": "kind: Role",
		"explain target kubernetes --rbac --json":                                `"verbs"`,
		"config explain environments.NAME.target.kubernetes.traffic.gateway-api": "HTTPRoute",
	} {
		out, err := r.fairlead("", nil, strings.Fields(args)...)
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("fairlead %s: %v, no %q in\n%s", args, err, want, out)
		}
	}
	r.commit("3")
	out, err := r.fairlead("registry.test/gone@sha256:"+strings.Repeat("0", 64), nil, "run")
	if exitCode(err) != 1 || !strings.Contains(out, "not found") || !strings.Contains(out, "rolled back") {
		t.Errorf("a release without image: %v\n%s", err, out)
	}
	r.commit("4")
	out, err = r.fairlead("registry.test/shop:latest", nil, "run")
	if exitCode(err) != 2 || !strings.Contains(out, "sha256") {
		t.Errorf("an image by tag: %v\n%s", err, out)
	}
	if out, err = r.fairlead("", nil, "rollback", "staging", "--reason", "try"); err != nil {
		t.Errorf("rollback: %v\n%s", err, out)
	}
	if got := r.kubectl("get", "deployments", "-o", "jsonpath={.items[*].metadata.name}={.items[*].spec.template.spec.containers[0].image}"); got != "shop="+first {
		t.Errorf("after the rollback the cluster runs %s, want %s at home", got, first)
	}
	crowd.hold(t)
}

// every is set by make test-kubernetes-whole.
var every = flag.Bool("every", false, "kill at every checkpoint and leave out every permission, not one of eight")

// sampled says of how many permissions one is tried without -every, and of how
// many checkpoints, each of them by one way of dividing traffic.
const sampled = 8

// However and whenever the control plane dies, the release to Kubernetes is
// finished by the next one, nothing is done twice, and no request is lost,
// whatever traffic goes by.
func TestKilledAtEveryStep(t *testing.T) {
	for i, way := range []struct {
		name     string
		traffic  map[string]any
		strategy string
	}{
		{"canary by route", map[string]any{"gateway-api": "shop", "accept": "60s"}, "canary"},
		{"blue-green by selector", map[string]any{"service": "shop"}, "blue-green"},
		{"canary by replicas", map[string]any{}, "canary"},
	} {
		t.Run(way.name, func(t *testing.T) {
			r := newRepo(t, way.traffic)
			r.write("fairlead.yaml", strings.Replace(fmt.Sprintf(repoConfig, r.rawConfig()), "staging: {", "staging: {deploy: "+way.strategy+", ", 1))
			images := []string{r.image("1.0.0"), r.image("2.0.0")}
			r.commit("first")
			r.run(images[0])
			r.commit("list")
			points := r.points(images[1])
			if len(points) < 25 {
				t.Fatalf("only %d checkpoints: %v", len(points), points)
			}
			if !*every { // each way tries other ones
				var some []string
				for n := i * sampled; n < len(points); n += 3 * sampled {
					some = append(some, points[n])
				}
				points = some
			}
			r.killedAt(points, images)
		})
	}
}

// killedAt kills a release at each point, under traffic, and has it finished.
func (r *repo) killedAt(points, images []string) {
	r.t.Helper()
	crowd := r.visitors(2)
	for i, point := range points {
		version := fmt.Sprintf("kill-%d", i)
		r.commit(version)
		r.killAt(point, images[i%2])
		r.holdDone(version, point, images[i%2])
	}
	crowd.hold(r.t)
	r.t.Logf("%d checkpoints, answers %v", len(points), crowd.answers())
}

// points gives every checkpoint that a canary passes, in order, once each.
func (r *repo) points(image string) []string {
	r.t.Helper()
	list := filepath.Join(r.t.TempDir(), "points")
	if out, err := r.fairlead(image, []string{"FAIRLEAD_CHECKPOINTS=" + list}, "run"); err != nil {
		r.t.Fatalf("list checkpoints: %v\n%s", err, out)
	}
	raw, err := os.ReadFile(list)
	if err != nil {
		r.t.Fatal(err)
	}
	var points []string
	for p := range strings.Lines(string(raw)) {
		// Before a step nothing of it has happened; that is the same as after the one before.
		if p = strings.TrimSpace(p); !strings.HasPrefix(p, "before ") && !slices.Contains(points, p) {
			points = append(points, p)
		}
	}
	return points
}

// killAt starts a run that kills itself at the point, and resumes it.
func (r *repo) killAt(point, image string) {
	r.t.Helper()
	began := time.Now()
	out, err := r.fairlead(image, []string{"FAIRLEAD_FAILPOINT=" + point}, "run")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		r.t.Fatalf("%s: the run was to be killed: %v\n%s", point, err, out)
	}
	if out, err = r.fairlead(image, nil, "resume"); err != nil {
		r.t.Fatalf("%s: resume: %v\n%s", point, err, out)
	}
	r.t.Logf("%s: done after %s", point, time.Since(began).Round(100*time.Millisecond))
}

// holdDone holds that the newest run succeeded, that nothing moves, that home
// alone runs the image, and that each task had its effect once.
func (r *repo) holdDone(version, point, image string) {
	r.t.Helper()
	out, err := r.fairlead("", nil, "status", "--json")
	if err != nil || strings.Contains(out, `"moving"`) || !strings.Contains(out, `"unfinished": []`) {
		r.t.Fatalf("%s: something is left unfinished: %v\n%s", point, err, out)
	}
	last := out[strings.Index(out, `"last"`):]
	if !strings.Contains(last[:strings.Index(last, "}")], `"result": "success"`) {
		r.t.Fatalf("%s: the run did not succeed:\n%s", point, last)
	}
	if got := r.kubectl("get", "deployments", "-o", "jsonpath={.items[*].metadata.name}={.items[*].spec.template.spec.containers[0].image}"); got != "shop="+image {
		r.t.Fatalf("%s: the cluster runs %s, want %s at home", point, got, image)
	}
	raw, err := os.ReadFile(r.effects)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, task := range []string{"built", "tested"} {
		if n := bytes.Count(raw, []byte(task+"-"+version+"\n")); n != 1 {
			r.t.Errorf("%s: %s %d times", point, task, n)
		}
	}
}
