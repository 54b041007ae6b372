package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"fairlead.dev/test/cluster/enclosure"
)

const (
	// insideCommand is how serve starts this program again in new namespaces.
	insideCommand = "inside"
	readyLine     = "ready\n"
)

// inside is the first process of a cluster's namespaces.
func inside(args []string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	o, err := parseOptions(insideCommand, args)
	if err != nil {
		return err
	}
	ready := os.NewFile(3, "ready")
	syscall.CloseOnExec(3)
	if err := enclosure.Furnish(); err != nil {
		return err
	}
	c := &cluster{options: o, failed: make(chan error, 8)}
	if err := c.start(ctx); err != nil {
		c.stop()
		return err
	}
	defer c.stop()
	if _, err := fmt.Fprint(ready, readyLine); err != nil {
		return fmt.Errorf("say that the cluster is ready: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-c.failed:
		return err
	}
}
