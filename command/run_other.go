//go:build !linux

package command

import (
	"context"
	"errors"
	"runtime"

	"fairlead.dev"
)

// Guard does nothing where commands cannot be run.
func Guard() {}

// Harden does nothing where commands cannot be run.
func Harden() error { return nil }

func run(context.Context, Spec, bool) (Result, error) {
	return Result{}, &fairlead.Problem{
		Op: opRun, Kind: fairlead.KindUnavailable, Err: errors.New("commands cannot be guarded on " + runtime.GOOS),
		Hint: "run fairlead on Linux",
	}
}
