// Command fairlead takes changes from commit to a judged, recorded release.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // freezes are the same on a machine without time zones

	"fairlead.dev/cli"
	"fairlead.dev/command"
	"fairlead.dev/confine"
	"fairlead.dev/reach"
	stepall "fairlead.dev/step/all"
	"fairlead.dev/target/process"
)

func main() {
	command.Guard()
	process.Guard()
	reach.Guard()
	confine.Guard(stepall.Types)
	os.Exit(run(os.Args[1:], os.Environ(), cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}

// run is the whole program. The first interrupt ends its context, the second
// ends the process at once; whatever was going on can be resumed.
func run(args, env []string, io cli.Stdio) int {
	if err := command.Harden(); err != nil {
		fmt.Fprintln(io.Err, "fairlead: harden process:", err)
		return 4
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // the next signal has its default effect
	}()
	return cli.Run(ctx, args, io, wire(io, environment(env)))
}

// version is what `fairlead --version` says: the module's version, or the
// commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return "devel"
}
