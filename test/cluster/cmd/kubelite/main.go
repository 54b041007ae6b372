// Command kubelite runs a Kubernetes cluster for tests: its control plane,
// its nodes and their network, in one process inside network, process and
// mount namespaces of its own.
package main

import (
	"fmt"
	"os"
	"runtime"
)

const usage = `usage:
  kubelite serve --dir DIR [flags]   run a cluster until SIGTERM (kubelite serve --help)
  kubelite exec --dir DIR -- COMMAND [ARGUMENT...]
                                     run a command on the network of the cluster of DIR
`

func main() {
	// The main goroutine stays on the main thread: namespaces and the signal
	// that a child gets at the end of its parent belong to threads.
	runtime.LockOSThread()
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	var err error
	switch command, args := os.Args[1], os.Args[2:]; command {
	case "serve":
		err = serve(args)
	case "exec":
		err = execute(args)
	case planeCommand:
		err = controlPlane(args)
	case insideCommand:
		err = inside(args)
	default:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "kubelite: %v\n", err)
		os.Exit(1)
	}
}
