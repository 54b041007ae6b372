package kubetest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Command gives a command that will run on the cluster's network, where pods,
// Services and Gateways are. It is killed when ctx ends, or this process does.
func (c *Cluster) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	args = append([]string{"exec", "--dir", c.Dir, "--", name}, args...)
	return exec.CommandContext(ctx, filepath.Join(c.bin, "kubelite"), args...)
}

// Dial connects to an address (IP:port) on the cluster's network.
func (c *Cluster) Dial(ctx context.Context, _, address string) (conn net.Conn, err error) {
	err = c.inside(func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp4", address)
		return err
	})
	return conn, err
}

// Listen listens at an address (IP:port) on the cluster's network: on 127.0.0.1
// the API server gets there, and pods do not.
func (c *Cluster) Listen(ctx context.Context, address string) (l net.Listener, err error) {
	err = c.inside(func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(ctx, "tcp4", address)
		return err
	})
	return l, err
}

// inside runs f on the cluster's network.
func (c *Cluster) inside(f func() error) (err error) {
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", c.pid))
	if err != nil {
		return fmt.Errorf("the cluster has ended: %w", err)
	}
	defer namespace.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		// Never unlocked: the thread ends with the goroutine, and nobody else
		// finds itself in the cluster's network.
		runtime.LockOSThread()
		if err = unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err == nil {
			err = f()
		}
	}()
	<-done
	return err
}

// HTTPClient gives a client on the cluster's network. Hosts of URLs are IP
// addresses there.
func (c *Cluster) HTTPClient() *http.Client {
	return &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{DialContext: c.Dial, MaxIdleConnsPerHost: 64},
	}
}

// Forward opens a loopback port of this machine that leads to an address on
// the cluster's network, and gives it as 127.0.0.1:PORT. The port closes with
// stop.
func (c *Cluster) Forward(address string) (local string, stop func(), err error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	go func() {
		for {
			outer, err := listener.Accept()
			if err != nil {
				return
			}
			go c.pass(outer, address)
		}
	}()
	return listener.Addr().String(), func() { listener.Close() }, nil
}

// pass connects a connection with the address. Without an answer from there
// it is reset, as it would be by a port that nobody listens at.
func (c *Cluster) pass(outer net.Conn, address string) {
	defer outer.Close()
	inner, err := c.Dial(context.Background(), "tcp", address)
	if err != nil {
		if tcp, ok := outer.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		return
	}
	defer inner.Close()
	var both sync.WaitGroup
	both.Go(func() { pour(inner, outer) })
	both.Go(func() { pour(outer, inner) })
	both.Wait()
}

// pour copies until from has said all it had to say, and passes that on.
func pour(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}

// Kill ends the cluster as a machine that loses power would: for tests of what
// is left behind.
func (c *Cluster) Kill() { _ = syscall.Kill(c.cmd.Process.Pid, syscall.SIGKILL) }
