package confine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"fairlead.dev"
	"fairlead.dev/step"
)

// Guard does a child's work and never returns when this process was started to
// be one; otherwise it does nothing. Call it early in main, and in TestMain of
// tests that call [Run] with [Self].
func Guard(types func() []step.Type) {
	if len(os.Args) != 2 || os.Args[1] != Argument {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	err := Child(ctx, types(), os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "confined:", err)
	}
	os.Exit(fairlead.ExitCode(err))
}

// Child reads a request, does the step and leaves the answer in the spool that
// the request names. The step's own error is an answer too; the error here is
// for an answer that could not be given.
func Child(ctx context.Context, types []step.Type, stdin io.Reader, stdout io.Writer) error {
	var r request
	if err := json.NewDecoder(stdin).Decode(&r); err != nil {
		return problem(fairlead.KindInvalid, "it is started by fairlead itself, not by hand", fmt.Errorf("no request: %w", err))
	}
	out, err := do(ctx, types, r, stdout)
	return leave(r.Spool, out, err)
}

func do(ctx context.Context, types []step.Type, r request, stdout io.Writer) (step.Out, error) {
	i := slices.IndexFunc(types, func(t step.Type) bool { return t.Name == r.Type })
	if i < 0 {
		return step.Out{}, problem(fairlead.KindInternal, "", errors.New("no step type "+r.Type))
	}
	config, err := step.Decode(types[i], r.Config)
	if err != nil {
		return step.Out{}, problem(fairlead.KindInvalid, "", err)
	}
	in := r.In
	in.Config, in.Output, in.Env = config, stdout, os.Environ()
	in.Blobs = shelf{r.Spool}
	return types[i].Run(ctx, in)
}
