package enclosure

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Network names the network namespace of a process.
func Network(pid int) string { return fmt.Sprintf("/proc/%d/ns/net", pid) }

// Join calls f on a thread that is in the network namespace at path. Sockets
// that f opens and processes that it starts belong to that network, whoever
// uses them later; goroutines that f starts do not.
func Join(path string, f func() error) error {
	namespace, err := os.Open(path)
	if err != nil {
		return err
	}
	defer namespace.Close()
	failed := make(chan error, 1)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and nobody else
		// finds itself in the wrong network.
		runtime.LockOSThread()
		if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
			failed <- fmt.Errorf("enter network namespace: %w", err)
			return
		}
		failed <- f()
	}()
	return <-failed
}

// Dial connects to an address (IP:port) in the network namespace at path.
func Dial(ctx context.Context, path, address string) (conn net.Conn, err error) {
	err = Join(path, func() error {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
		return err
	})
	return conn, err
}

// Exec replaces this process by a program in the network namespace at path.
func Exec(path, program string, args, env []string) error {
	namespace, err := os.Open(path)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	return syscall.Exec(program, args, env)
}
