package enclosure

import (
	"context"
	"io"
	"net"
	"sync"
)

// Forward serves connections of listener by connecting each to an address in
// the network namespace at path, until the listener is closed.
func Forward(listener net.Listener, path, address string) {
	for {
		outer, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer outer.Close()
			inner, err := Dial(context.Background(), path, address)
			if err != nil {
				return
			}
			defer inner.Close()
			splice(outer, inner)
		}()
	}
}

// splice copies both ways until both sides have said all they had to say.
func splice(a, b net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { pour(a, b) })
	both.Go(func() { pour(b, a) })
	both.Wait()
}

func pour(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}
