package scan_test

import (
	"context"
	"io"
	"os"
	"testing"

	"fairlead.dev/command"
	"fairlead.dev/confine"
	"fairlead.dev/scan"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/dast"
	"fairlead.dev/step/scan/external"
	"fairlead.dev/step/scan/iac"
	"fairlead.dev/step/scan/secrets"
)

func TestMain(m *testing.M) {
	command.Guard()
	confine.Guard(types)
	os.Exit(m.Run())
}

func types() []step.Type {
	return []step.Type{dast.Type(), external.Type(), iac.Type(), secrets.Type()}
}

// runner runs engines in child processes of this program.
func runner(t *testing.T) scan.Runner {
	t.Helper()
	return scan.Runner{
		Types: types(), Dir: t.TempDir(), Output: io.Discard,
		Confine: func(ctx context.Context, t step.Type, in step.In) (step.Out, error) {
			return confine.Run(ctx, confine.Self, t, in)
		},
	}
}
