package process

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode"
)

// What a replica's output may take on disk, and what is remembered of it for
// a problem's text. A file that is full becomes the old one.
const (
	logLimit  = 4 << 20 // bytes in one file; there are two
	tailLimit = 1 << 10 // bytes
	tailLines = 5
)

// logbook stores what one replica writes, over all its starts. A write never
// fails: a full disk must not stop a service.
type logbook struct {
	path  string
	limit int64

	mu   sync.Mutex
	file *os.File // nil until something is written, and when it cannot be
	size int64
	tail []byte
}

func openLogbook(path string) *logbook { return &logbook{path: path, limit: logLimit} }

// Write stores p as far as the disk allows. It never returns an error.
func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, p[max(0, len(p)-tailLimit):]...)
	l.tail = l.tail[max(0, len(l.tail)-tailLimit):]
	for rest := p; len(rest) > 0; {
		if l.size >= l.limit {
			l.turn()
		}
		if l.file == nil && !l.open() {
			break
		}
		n, err := l.file.Write(rest[:min(int64(len(rest)), l.limit-l.size)])
		l.size += int64(n)
		rest = rest[n:]
		if err != nil {
			break
		}
	}
	return len(p), nil
}

// open opens the file, after what an earlier agent wrote there.
func (l *logbook) open() bool {
	if os.MkdirAll(filepath.Dir(l.path), 0o700) != nil {
		return false
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return false
	}
	l.file, l.size = f, info.Size()
	if l.size >= l.limit {
		l.turn()
	}
	return l.file != nil || l.open()
}

// turn makes the file the old one.
func (l *logbook) turn() {
	if l.file != nil {
		_ = l.file.Close()
	}
	if os.Rename(l.path, l.path+".old") != nil {
		_ = os.Remove(l.path)
	}
	l.file, l.size = nil, 0
}

func (l *logbook) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}

// fresh forgets the remembered end, so that it is about one start only.
func (l *logbook) fresh() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = nil
}

// last gives the last lines written, oldest first, on one line.
func (l *logbook) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(l.tail)), "\n")
	text := strings.Join(lines[max(0, len(lines)-tailLines):], " | ")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' ' // nothing that a terminal would obey
	}, strings.ToValidUTF8(text, "?"))
}

// readLogs gives everything that is kept below a directory or of one replica
// (dir/replica.log), oldest file first within a replica.
func readLogs(dir, replica string) (io.ReadCloser, error) {
	pattern := "*"
	if replica != "" {
		pattern = replica
	}
	current, err := filepath.Glob(filepath.Join(dir, pattern+".log"))
	if err != nil {
		return nil, err
	}
	var all logs
	for _, path := range current {
		for _, p := range []string{path + ".old", path} {
			if f, err := os.Open(p); err == nil {
				all.files = append(all.files, f)
				all.readers = append(all.readers, f)
			}
		}
	}
	all.Reader = io.MultiReader(append(all.readers, bytes.NewReader(nil))...)
	return &all, nil
}

type logs struct {
	io.Reader
	readers []io.Reader
	files   []*os.File
}

func (l *logs) Close() error {
	var errs []error
	for _, f := range l.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
