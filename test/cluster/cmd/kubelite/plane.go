package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"fairlead.dev/test/cluster/controlplane"
)

// planeCommand is how the first process of a cluster starts this program again
// as its control plane.
const planeCommand = "control-plane"

// controlPlane runs etcd, the API server and their controllers, in the
// directory that is its argument, until SIGTERM.
func controlPlane(args []string) error {
	if len(args) != 1 {
		return errors.New("control-plane needs a directory")
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	ready := os.NewFile(3, "ready")
	syscall.CloseOnExec(3)
	plane, err := controlplane.Start(ctx, args[0])
	if err != nil {
		return err
	}
	defer plane.Stop()
	if _, err := fmt.Fprint(ready, readyLine); err != nil {
		return fmt.Errorf("say that the control plane is ready: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-plane.Failed():
		return err
	}
}

// plane is the control plane, a process of its own so that a test can kill it
// while pods and traffic go on.
type plane struct {
	dir    string
	cmd    *exec.Cmd
	exited chan error
}

// startPlane starts it and waits until it is ready.
func startPlane(ctx context.Context, dir string) (*plane, error) {
	p := &plane{dir: filepath.Join(dir, stateDir)}
	return p, p.start(ctx)
}

func (p *plane) start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	//nolint:noctx // it ends by stop, or with the process table that it is in
	p.cmd = exec.Command(self, planeCommand, p.dir)
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.ExtraFiles = os.Stdout, os.Stderr, []*os.File{writer}
	err = p.cmd.Start()
	writer.Close()
	if err != nil {
		return err
	}
	p.exited = make(chan error, 1)
	go func(cmd *exec.Cmd, exited chan<- error) { exited <- cmd.Wait() }(p.cmd, p.exited)
	ready := make(chan bool, 1)
	go func() {
		text, _ := bufio.NewReader(reader).ReadString('\n')
		ready <- text == readyLine
	}()
	select {
	case ok := <-ready:
		if ok {
			return nil
		}
		return fmt.Errorf("the control plane did not start: %w", <-p.exited)
	case <-ctx.Done():
		return fmt.Errorf("the control plane is not ready: %w", ctx.Err())
	}
}

// keep starts the control plane again when it was killed, as the supervisor of
// a real one does. One that ends by itself is a failure.
func (p *plane) keep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-p.exited:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				return fmt.Errorf("the control plane ended: %w", err)
			}
		}
		time.Sleep(time.Second)
		if err := p.start(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

// stop ends the control plane. It is called when keep has returned.
func (p *plane) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopping):
		_ = p.cmd.Process.Kill()
	}
}
