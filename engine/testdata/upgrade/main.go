// Command upgrade is an executor that is built in several releases, to show
// that a run in flight survives the upgrade of its binary. Its arguments are
// the database URL, a directory for its effects, and the point at which to
// kill itself; release 2 has one step more.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"fairlead.dev/engine"
)

var release = "1" // set by the linker

func main() {
	if err := run(context.Background(), os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, url, dir, kill string) error {
	e, err := engine.Open(ctx, engine.Config{URL: url, Version: "1", Checkpoint: func(point string) {
		if point == kill {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}})
	if err != nil {
		return err
	}
	defer e.Close(5 * time.Second)
	engine.Register(e, "deliver", deliver)
	if err := e.Launch(ctx); err != nil {
		return err
	}
	if _, err := e.TakeOver(ctx, ""); err != nil {
		return err
	}
	if err := engine.Start(ctx, e, "deliver", "f", dir); err != nil {
		return err
	}
	way, err := engine.Result[string](ctx, e, "f")
	fmt.Print(way)
	return err
}

// deliver gives the names of its steps, each with the release that ran it.
func deliver(f *engine.Flow, dir string) (string, error) {
	way := ""
	step := func(name string) error {
		got, err := engine.Do(f, name, func(context.Context) (string, error) {
			return name + release + " ", touch(filepath.Join(dir, name))
		})
		way += got
		return err
	}
	if err := step("build"); err != nil {
		return "", err
	}
	if release == "2" {
		scan, err := f.Patch("scan before deploy")
		if err != nil {
			return "", err
		}
		if scan {
			if err := step("scan"); err != nil {
				return "", err
			}
		}
	}
	if err := step("deploy"); err != nil {
		return "", err
	}
	err := step("verify")
	return way, err
}

// touch fails when the step had its effect before.
func touch(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}
