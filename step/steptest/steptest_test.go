package steptest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/step"
	"fairlead.dev/step/steptest"
)

// config is the config of the step types tested here.
type config struct {
	Greeting string `json:"greeting" doc:"what it says" enum:"hello,bye"`
}

// good is a step type that keeps the contract.
func good() step.Type {
	return step.Type{
		Name: "example.greet", Title: "say something", Doc: "Says `greeting`.", Config: config{Greeting: "hello"},
		Produces: []string{fairlead.PredicateBuild},
		Run: func(ctx context.Context, in step.In) (step.Out, error) {
			if err := ctx.Err(); err != nil {
				return step.Out{}, &fairlead.Problem{Op: "greet", Kind: fairlead.KindCancelled, Err: err}
			}
			text := step.ConfigOf[config](in).Greeting
			digest, size, err := in.Blobs.Put(ctx, strings.NewReader(text))
			return step.Out{
				Outcome:   step.Done,
				Artifacts: []fairlead.Artifact{{Name: "greeting", Digest: digest, Size: size, Mode: 0o644}},
				Claims:    []fairlead.Claim{{PredicateType: fairlead.PredicateBuild, Predicate: step.Predicate(map[string]string{"text": text})}},
			}, err
		},
	}
}

func TestAGoodTypePasses(t *testing.T) {
	steptest.Run(t, good(), steptest.Case{
		Name: "greets", Config: config{"bye"}, Files: map[string]string{"a/b": "c"}, Want: step.Done,
		Check: func(t *testing.T, in step.In, out step.Out) {
			if b, err := os.ReadFile(in.Workspace + "/a/b"); err != nil || string(b) != "c" {
				t.Errorf("workspace file is %q, %v", b, err)
			}
			if out.Artifacts[0].Digest != fairlead.DigestBytes([]byte("bye")) {
				t.Errorf("artifact %+v", out.Artifacts[0])
			}
		},
	})
}

type untagged struct{ Greeting string }

// flaws are ways to break the contract, with a part of what must be said.
func flaws() map[string]struct {
	spoil func(*step.Type)
	says  string
} {
	// leave makes a type that leaves something different.
	leave := func(change func(in step.In, out *step.Out)) func(*step.Type) {
		return func(typ *step.Type) {
			inner := typ.Run
			typ.Run = func(ctx context.Context, in step.In) (step.Out, error) {
				out, err := inner(ctx, in)
				if err == nil {
					change(in, &out)
				}
				return out, err
			}
		}
	}
	return map[string]struct {
		spoil func(*step.Type)
		says  string
	}{
		"name":        {func(s *step.Type) { s.Name = "Greet" }, `name "Greet"`},
		"title":       {func(s *step.Type) { s.Title = "Say." }, `title "Say."`},
		"doc":         {func(s *step.Type) { s.Doc = "Says it." }, "does not mention `greeting`"},
		"default":     {func(s *step.Type) { s.Config = config{Greeting: "hm"} }, "is not one of hello,bye"},
		"tags":        {func(s *step.Type) { s.Config = untagged{} }, "has no key in lower-case words"},
		"produces":    {func(s *step.Type) { s.Produces = nil }, "which Produces does not list"},
		"no reason":   {leave(func(_ step.In, o *step.Out) { o.Outcome = step.Failed }), "want done"},
		"secret":      {leave(func(in step.In, o *step.Out) { o.Reason = in.Secrets[0] }), "holds a secret"},
		"not kept":    {leave(func(_ step.In, o *step.Out) { o.Artifacts[0].Digest = fairlead.DigestBytes([]byte("other")) }), "its content was not kept"},
		"path":        {leave(func(_ step.In, o *step.Out) { o.Artifacts[0].Name = "../greeting" }), `artifact "../greeting"`},
		"predicate":   {leave(func(_ step.In, o *step.Out) { o.Claims[0].Predicate = []byte("[]") }), "is not a JSON object"},
		"finding":     {leave(func(_ step.In, o *step.Out) { o.Findings = []fairlead.Finding{{Rule: "r"}} }), "finding is not well-formed"},
		"case":        {leave(func(_ step.In, o *step.Out) { o.Cases = []fairlead.TestCase{{Name: "a", Result: "ok"}} }), "case is not well-formed"},
		"measurement": {leave(func(_ step.In, o *step.Out) { o.Measurements = []fairlead.Measurement{{Name: "A b"}} }), "measurement is not well-formed"},
		"other again": {leave(func(in step.In, o *step.Out) { o.Artifacts[0].Mode += uint32(in.Attempt) - 1 }), "the artifacts are"},
		"error": {func(s *step.Type) {
			s.Run = func(context.Context, step.In) (step.Out, error) { return step.Out{}, errors.New("no") }
		}, `want kind ""`},
		"slow to stop": {func(s *step.Type) {
			inner := s.Run
			s.Run = func(ctx context.Context, in step.In) (step.Out, error) {
				if ctx.Err() != nil {
					time.Sleep(2200 * time.Millisecond)
				}
				return inner(ctx, in)
			}
		}, "a step that was cancelled returned after"},
	}
}

const envFlaw = "STEPTEST_FLAW"

// TestFlawed is what TestEveryFlawIsFound runs in a process of its own, where
// it has to fail.
func TestFlawed(t *testing.T) {
	flaw, ok := flaws()[os.Getenv(envFlaw)]
	if !ok {
		return
	}
	typ := good()
	flaw.spoil(&typ)
	steptest.Run(t, typ, steptest.Case{Name: "case", Want: step.Done, Prepare: func(_ *testing.T, in *step.In) { in.Secrets = []string{"hunter2hunter2"} }})
}

func TestEveryFlawIsFound(t *testing.T) {
	for name, flaw := range flaws() {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestFlawed$", "-test.count=1")
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s", envFlaw, name))
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), flaw.says) {
				t.Errorf("error %v, want output with %q:\n%s", err, flaw.says, out)
			}
		})
	}
}
