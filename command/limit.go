package command

import (
	"fmt"
	"io"
	"strings"
)

// NewLimit gives a writer that passes the first head bytes to w as they come
// and keeps the last tail bytes. Close writes these, after a line that says how
// many bytes between them were left out; it does not close w. Memory is bounded
// by tail.
func NewLimit(w io.Writer, head, tail int64) io.WriteCloser {
	return &limit{w: w, head: max(head, 0), tail: ring{size: int(max(tail, 0))}}
}

type limit struct {
	w    io.Writer
	head int64 // bytes that still pass
	tail ring
}

func (l *limit) Write(p []byte) (int, error) {
	n := int(min(l.head, int64(len(p))))
	if n > 0 {
		l.head -= int64(n)
		if written, err := l.w.Write(p[:n]); err != nil {
			return written, err
		}
	}
	l.tail.add(p[n:])
	return len(p), nil
}

func (l *limit) Close() error {
	if l.tail.lost > 0 {
		if _, err := fmt.Fprintf(l.w, "\n... %d bytes left out ...\n", l.tail.lost); err != nil {
			return err
		}
	}
	rest := l.tail.bytes()
	l.tail = ring{size: l.tail.size}
	if len(rest) == 0 {
		return nil
	}
	_, err := l.w.Write(rest)
	return err
}

// Tail is a writer that keeps the last bytes written to it.
type Tail struct{ ring ring }

// NewTail gives a Tail that keeps at most size bytes.
func NewTail(size int) *Tail { return &Tail{ring{size: size}} }

// Write keeps p; it never fails.
func (t *Tail) Write(p []byte) (int, error) {
	t.ring.add(p)
	return len(p), nil
}

// Lines gives the last n lines that are not blank, joined by newlines.
func (t *Tail) Lines(n int) string {
	var lines []string
	for line := range strings.Lines(strings.ToValidUTF8(string(t.ring.bytes()), "?")) {
		if line = strings.TrimRight(line, " \t\r\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// ring keeps the last size bytes added and counts those it lost.
type ring struct {
	size int
	buf  []byte
	next int // where the next byte goes once buf is full
	lost int64
}

func (r *ring) add(p []byte) {
	if over := len(p) - r.size; over > 0 {
		r.lost += int64(over) + int64(len(r.buf))
		r.buf, r.next = append(r.buf[:0], p[over:]...), 0
		return
	}
	n := min(r.size-len(r.buf), len(p))
	r.buf = append(r.buf, p[:n]...)
	for p = p[n:]; len(p) > 0; {
		n := copy(r.buf[r.next:], p)
		r.next = (r.next + n) % r.size
		r.lost += int64(n)
		p = p[n:]
	}
}

// bytes gives what is kept, oldest first.
func (r *ring) bytes() []byte {
	if len(r.buf) < r.size || r.next == 0 {
		return r.buf
	}
	return append(append(make([]byte, 0, r.size), r.buf[r.next:]...), r.buf[:r.next]...)
}
