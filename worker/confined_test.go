package worker_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/flow"
	"fairlead.dev/step"
)

// confinedType is a step type that tells what it can reach.
func confinedType() step.Type {
	return step.Type{
		Name: "run.confined", Config: struct{}{}, Needs: step.Needs{Workspace: true, Confined: true},
		Run: func(ctx context.Context, in step.In) (step.Out, error) {
			err := os.WriteFile(filepath.Join(in.Workspace, "main.txt"), nil, 0o600)
			digest, size, perr := in.Blobs.Put(ctx, strings.NewReader("left"))
			fmt.Fprintf(in.Output, "process %d, %s\n", os.Getppid(), strings.Join(os.Environ(), " "))
			return step.Out{
				Outcome: step.Done, Reason: fmt.Sprint(err),
				Artifacts: []fairlead.Artifact{{Name: "left", Digest: digest, Size: size, Mode: 0o644}},
			}, perr
		},
	}
}

// A step type that is to be confined runs in a process of its own, with none of
// the task's variables and a checkout that it cannot change; what it leaves is kept.
func TestConfinedStepType(t *testing.T) {
	t.Setenv("SHOP_TOKEN", "hunter2-very-secret")
	s, _ := guarded(t)
	o := s.order("run.confined", "{}", func(o *flow.Order) { o.Task.Env = []string{"SHOP_TOKEN"} })
	tr, _ := s.succeeds(o)
	if out := s.output(o); strings.Contains(out, "SHOP_TOKEN") || !strings.Contains(out, "process 1, ") {
		t.Errorf("output %q", out)
	}
	if !strings.Contains(tr.Reason, "read-only file system") || s.content(tr, "left") != "left" {
		t.Errorf("%+v", tr)
	}
}
