package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"fairlead.dev"
)

// Blobs keeps content in files named by their digest: sha256/ab/<64 hex>.
// Several processes may use one directory.
type Blobs struct {
	dir string
}

// OpenBlobs opens the blobs in a directory, which is made when it is not there.
func OpenBlobs(dir string) (*Blobs, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "tmp"), 0o700)
	}
	if err != nil {
		return nil, blobProblem("open blobs", err)
	}
	return &Blobs{dir: dir}, nil
}

// Put stores all of r and gives its digest and size in bytes. Content that is
// already there is not stored twice. When Put returns, the content survives
// the loss of power; when it fails, nothing is left behind.
func (b *Blobs) Put(ctx context.Context, r io.Reader) (fairlead.Digest, int64, error) {
	const op = "store blob"
	f, err := os.CreateTemp(filepath.Join(b.dir, "tmp"), "put-*")
	if err != nil {
		return "", 0, blobProblem(op, err)
	}
	defer os.Remove(f.Name()) // gone already when the content was kept
	digest, size, err := fairlead.DigestReader(io.TeeReader(&patient{ctx, r}, f))
	if err == nil && !b.holds(digest, size) {
		err = b.keep(f, digest)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", 0, blobProblem(op, err)
	}
	return digest, size, nil
}

// keep moves a finished temporary file to its place.
func (b *Blobs) keep(f *os.File, d fairlead.Digest) error {
	place := b.place(d)
	err := errors.Join(f.Chmod(0o400), f.Sync(), os.MkdirAll(filepath.Dir(place), 0o700))
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), place); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(place)), syncDir(filepath.Dir(filepath.Dir(place))))
}

// holds tells whether the content is there whole.
func (b *Blobs) holds(d fairlead.Digest, size int64) bool {
	info, err := os.Stat(b.place(d))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// Open gives the content of a digest. The reader checks what it reads: when
// the bytes are not those of the digest, its end is a KindDenied problem
// instead of io.EOF. So nothing that was read counts before the end was
// reached. Content that is not there is KindNotFound.
func (b *Blobs) Open(ctx context.Context, d fairlead.Digest) (io.ReadCloser, error) {
	const op = "open blob"
	if err := ctx.Err(); err != nil {
		return nil, blobProblem(op, err)
	}
	path, err := b.Path(d)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, blobProblem(op, err)
	}
	return &checked{file: f, want: d, sum: sha256.New()}, nil
}

// Path gives the absolute path of the file that holds a digest's content,
// which nobody may change. Who reads it there checks the digest himself.
func (b *Blobs) Path(d fairlead.Digest) (string, error) {
	const op = "find blob"
	if _, err := fairlead.ParseDigest(string(d)); err != nil {
		return "", &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: err}
	}
	path := b.place(d)
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", notFound(op, "content "+string(d), "it was never stored here, or was removed: run the task that makes it again")
	}
	if err != nil {
		return "", blobProblem(op, err)
	}
	return path, nil
}

func (b *Blobs) place(d fairlead.Digest) string {
	return filepath.Join(b.dir, "sha256", d.Hex()[:2], d.Hex())
}

// patient reads until its context ends.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p *patient) Read(buf []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(buf)
}

// checked compares what was read with the digest wanted.
type checked struct {
	file *os.File
	want fairlead.Digest
	sum  hash.Hash
}

func (c *checked) Read(buf []byte) (int, error) {
	n, err := c.file.Read(buf)
	c.sum.Write(buf[:n])
	if err == io.EOF {
		if got := hex.EncodeToString(c.sum.Sum(nil)); got != c.want.Hex() {
			return n, &fairlead.Problem{
				Op: "read blob", Kind: fairlead.KindDenied, Err: fmt.Errorf("content %s was changed: its digest is now sha256:%s", c.want, got),
				Hint: "remove the file and run the task that makes it again",
			}
		}
	}
	return n, err
}

func (c *checked) Close() error { return c.file.Close() }

func blobProblem(op string, err error) error {
	if source := (*fairlead.Problem)(nil); errors.As(err, &source) {
		return err // from the reader whose content was to be stored
	}
	p := &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: err}
	switch {
	case errors.Is(err, context.Canceled):
		p.Kind = fairlead.KindCancelled
	case errors.Is(err, context.DeadlineExceeded):
		p.Kind = fairlead.KindTimeout
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		p.Hint = "free some space on the disk that holds the blobs"
	default:
		p.Hint = "check owner and permissions of the directory that holds the blobs"
	}
	return p
}
