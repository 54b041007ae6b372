package proxy

import (
	"io"
	"sync"
	"sync/atomic"
)

// upload is a request's body on its way to a backend. Closing it closes
// nothing, because a transport that reached no backend closes the body, which
// the next attempt still needs; net/http closes the client's body itself. A
// nil upload is a request without body.
type upload struct {
	body io.Reader
	read atomic.Bool // by a transport, on a goroutine of its own
	bad  atomic.Bool
}

func (u *upload) Read(b []byte) (int, error) {
	u.read.Store(true)
	n, err := u.body.Read(b)
	if err != nil && err != io.EOF {
		u.bad.Store(true)
	}
	return n, err
}

func (u *upload) Close() error { return nil }

// touched tells whether a transport has begun to read.
func (u *upload) touched() bool { return u != nil && u.read.Load() }

// broken tells whether the client failed to send all of it.
func (u *upload) broken() bool { return u != nil && u.bad.Load() }

// answer is an answer's body on its way to the client. It remembers whether
// the backend failed to send all of it.
type answer struct {
	body   io.ReadCloser
	broken bool
}

func (a *answer) Read(b []byte) (int, error) {
	n, err := a.body.Read(b)
	if err != nil && err != io.EOF {
		a.broken = true
	}
	return n, err
}

func (a *answer) Close() error { return a.body.Close() }

const bufferSize = 32 << 10

// buffers keeps the copy buffers of answers.
type buffers struct{ pool sync.Pool }

// Get gives a buffer of 32 KiB.
func (p *buffers) Get() []byte {
	if b, ok := p.pool.Get().(*[bufferSize]byte); ok {
		return b[:]
	}
	return make([]byte, bufferSize)
}

// Put takes back what Get gave.
func (p *buffers) Put(b []byte) { p.pool.Put((*[bufferSize]byte)(b)) }
