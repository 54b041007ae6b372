package process

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
)

// Replicas listen below the range from which the kernel takes the ports of
// outgoing connections, so that none of those can be in their way.
const (
	firstPort = 20000
	lastPort  = 29999
)

// ports gives out loopback ports, each to one replica at a time.
type ports struct {
	mu   sync.Mutex
	used map[int]bool
}

// take gives a port on which nobody listens now. Another program may still
// take it before the replica does: then the replica fails and is started again
// with another one.
func (p *ports) take() (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if p.used[port] || !free(port) {
			continue
		}
		if p.used == nil {
			p.used = map[int]bool{}
		}
		p.used[port] = true
		return port, nil
	}
	return 0, unavailable("choose port", "", errors.New("no free port between 20000 and 29999 was found"))
}

func (p *ports) give(port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, port)
}

func free(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
