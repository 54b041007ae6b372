package worktree

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
)

// blobs reads objects through one git process.
type blobs struct {
	ctx context.Context
	dir string
	mu  sync.Mutex
	in  io.WriteCloser
	out *bufio.Reader
}

// read gives the content of an object. The caller may keep it.
func (b *blobs) read(id string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	data, err := b.fetch(id)
	if err != nil && b.in != nil {
		_ = b.in.Close() // the next read starts afresh
		b.in = nil
	}
	return data, problem(b.ctx, "read file", err)
}

func (b *blobs) fetch(id string) ([]byte, error) {
	if b.in == nil {
		if err := b.start(); err != nil {
			return nil, err
		}
	}
	if _, err := io.WriteString(b.in, id+"\n"); err != nil {
		return nil, err
	}
	header, err := b.out.ReadString('\n')
	if err != nil {
		return nil, err
	}
	var got, kind string
	var size int64
	if n, _ := fmt.Sscanf(header, "%s %s %d\n", &got, &kind, &size); n != 3 || size < 0 {
		return nil, fmt.Errorf("git cat-file: %s", strings.TrimSpace(header))
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(b.out, data); err != nil {
		return nil, err
	}
	_, err = b.out.Discard(1) // the newline after the content
	return data, err
}

func (b *blobs) start() error {
	cmd := command(b.ctx, b.dir, "cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	context.AfterFunc(b.ctx, func() {
		_ = in.Close()
		_ = cmd.Wait() // killed by its context; nobody reads its result
	})
	b.in, b.out = in, bufio.NewReaderSize(out, 64<<10)
	return nil
}
