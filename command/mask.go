package command

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// minSecret is the shortest secret that is masked, in bytes: masking shorter
// ones would make ordinary output unreadable and give them away by position.
const minSecret = 6

const masked = "***"

// NewMask gives a writer that passes everything to w with every occurrence of
// a secret replaced by ***, wherever the writes are cut. Secrets that overlap
// are covered whole. Secrets under six bytes are ignored; of a secret with
// several lines each line is masked. Close writes what was held back because
// it might have been the beginning of a secret; it does not close w.
func NewMask(w io.Writer, secrets []string) io.WriteCloser {
	m := &mask{w: w}
	for _, secret := range secrets {
		for line := range strings.Lines(secret) {
			if line = strings.TrimRight(line, "\r\n"); len(line) >= minSecret {
				m.secrets = append(m.secrets, []byte(line))
			}
		}
	}
	slices.SortFunc(m.secrets, bytes.Compare)
	m.secrets = slices.CompactFunc(m.secrets, bytes.Equal)
	for _, s := range m.secrets {
		m.first[s[0]] = true
		m.longest = max(m.longest, len(s))
	}
	return m
}

// Redact gives s with every occurrence of a secret replaced by ***.
func Redact(s string, secrets []string) string {
	var b strings.Builder
	m := NewMask(&b, secrets)
	_, _ = io.WriteString(m, s) // a strings.Builder takes everything
	_ = m.Close()
	return b.String()
}

type mask struct {
	w       io.Writer
	secrets [][]byte
	first   [256]bool // first bytes of secrets
	longest int
	held    []byte // not yet decided: at most longest-1 bytes between writes
	cover   int    // how many of the bytes to come belong to a secret
	out     []byte
}

func (m *mask) Write(p []byte) (int, error) {
	if len(m.secrets) == 0 {
		return m.w.Write(p)
	}
	m.held = append(m.held, p...)
	if err := m.flush(false); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (m *mask) Close() error { return m.flush(true) }

// flush writes all that is decided; at the end that is everything.
func (m *mask) flush(end bool) error {
	m.out = m.out[:0]
	i := 0
	for ; i < len(m.held); i++ {
		match, open := m.match(m.held[i:])
		if open && !end {
			break
		}
		if match > m.cover {
			if m.cover == 0 {
				m.out = append(m.out, masked...)
			}
			m.cover = match
		}
		if m.cover > 0 {
			m.cover--
		} else {
			m.out = append(m.out, m.held[i])
		}
	}
	m.held = append(m.held[:0], m.held[i:]...)
	if len(m.out) == 0 {
		return nil
	}
	_, err := m.w.Write(m.out)
	return err
}

// match gives the length of the longest secret that b begins with, and whether
// b is too short to tell.
func (m *mask) match(b []byte) (length int, open bool) {
	if !m.first[b[0]] {
		return 0, false
	}
	for _, s := range m.secrets {
		switch {
		case bytes.HasPrefix(b, s):
			length = max(length, len(s))
		case len(b) < len(s) && bytes.HasPrefix(s, b):
			open = true
		}
	}
	return length, open
}
