package confine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"fairlead.dev"
	"fairlead.dev/step"
)

// The spool's files.
const (
	requestFile = "request.json"
	answerFile  = "answer.json"
)

// mostAnswer is how long an answer may be, in bytes.
const mostAnswer = 256 << 20

// request is what the child is asked to do.
type request struct {
	Type   string          `json:"type"`
	Config json.RawMessage `json:"config"`
	Spool  string          `json:"spool"` // absolute directory for answer and content
	In     step.In         `json:"in"`    // what of it is data
}

// answer is what the child did.
type answer struct {
	Out     step.Out        `json:"out"`
	Problem *fairlead.Fault `json:"problem,omitempty"`
}

func requestOf(t step.Type, in step.In, config []byte) request {
	in.Config, in.Output, in.Blobs, in.Env, in.Secrets = nil, nil, nil, nil, nil
	in.Hide, in.ReadOnly = nil, nil // what is to be hidden is; namespaces within namespaces are not for the child
	return request{Type: t.Name, Config: config, In: in}
}

// spool is a directory that parent and child both know. What the child leaves
// there may be anything: it is read without following links out of it, and up
// to limits.
type spool struct {
	dir  string
	root *os.Root
}

func newSpool(scratch string) (*spool, error) {
	dir, err := os.MkdirTemp(scratch, "spool-")
	if err != nil {
		return nil, problem(fairlead.KindUnavailable, "is the disk full or read-only?", err)
	}
	for _, name := range []string{"home", "tmp", "go-build"} {
		if err := os.MkdirAll(filepath.Join(scratch, name), 0o700); err != nil {
			return nil, problem(fairlead.KindUnavailable, "is the disk full or read-only?", err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, problem(fairlead.KindUnavailable, "", err)
	}
	return &spool{dir: dir, root: root}, nil
}

func (s *spool) path(name string) string { return filepath.Join(s.dir, name) }

func (s *spool) remove() {
	_ = s.root.Close()
	_ = os.RemoveAll(s.dir)
}

func (s *spool) ask(r request) error {
	r.Spool = s.dir
	b, err := json.Marshal(r)
	if err != nil {
		return problem(fairlead.KindInternal, "", err)
	}
	if err := os.WriteFile(s.path(requestFile), b, 0o600); err != nil {
		return problem(fairlead.KindUnavailable, "is the disk full or read-only?", err)
	}
	return nil
}

// answer reads what the child left and keeps the content of its artifacts.
func (s *spool) answer(ctx context.Context, blobs step.Blobs) (step.Out, error) {
	bad := func(err error) (step.Out, error) {
		return step.Out{}, problem(fairlead.KindInternal, "", fmt.Errorf("read the answer: %w", err))
	}
	f, err := s.open(answerFile)
	if err != nil {
		return bad(err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, mostAnswer+1))
	if err != nil {
		return bad(err)
	}
	if len(raw) > mostAnswer {
		return bad(fmt.Errorf("it has more than %d MiB", mostAnswer/mebibyte))
	}
	var a answer
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return bad(err)
	}
	if a.Problem != nil {
		return step.Out{}, a.Problem.Problem()
	}
	for _, artifact := range a.Out.Artifacts {
		if err := s.keep(ctx, blobs, artifact); err != nil {
			return step.Out{}, err
		}
	}
	return a.Out, nil
}

// keep hands an artifact's content on.
func (s *spool) keep(ctx context.Context, blobs step.Blobs, a fairlead.Artifact) error {
	if _, err := fairlead.ParseDigest(string(a.Digest)); err != nil {
		return problem(fairlead.KindInternal, "", fmt.Errorf("artifact %s: %w", a.Name, err))
	}
	f, err := s.open(a.Digest.Hex())
	if err != nil {
		return problem(fairlead.KindInternal, "", fmt.Errorf("artifact %s: %w", a.Name, err))
	}
	defer f.Close()
	digest, size, err := blobs.Put(ctx, f)
	if err != nil {
		return err
	}
	if digest != a.Digest || size != a.Size {
		return problem(fairlead.KindInternal, "", fmt.Errorf("artifact %s is not what its digest says", a.Name))
	}
	return nil
}

// open opens a regular file of the spool.
func (s *spool) open(name string) (*os.File, error) {
	if info, err := s.root.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errors.New(name+" is not there, or no file"))
	}
	return s.root.Open(name)
}

// leave writes the answer, whole or not at all.
func leave(dir string, out step.Out, problem error) error {
	b, err := json.Marshal(answer{Out: out, Problem: fairlead.FaultOf(problem)})
	if err != nil {
		return err
	}
	part := filepath.Join(dir, answerFile+".part")
	if err := os.WriteFile(part, b, 0o600); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(dir, answerFile))
}

// shelf keeps content in the spool until the parent takes it.
type shelf struct{ dir string }

// Put keeps all of r.
func (s shelf) Put(ctx context.Context, r io.Reader) (fairlead.Digest, int64, error) {
	if err := ctx.Err(); err != nil {
		return "", 0, problem(fairlead.KindCancelled, "", err)
	}
	f, err := os.CreateTemp(s.dir, "part-")
	if err != nil {
		return "", 0, problem(fairlead.KindUnavailable, "is the disk full?", err)
	}
	digest, size, err := fairlead.DigestReader(io.TeeReader(r, f))
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(s.dir, digest.Hex()))
	}
	if err != nil {
		return "", 0, errors.Join(problem(fairlead.KindUnavailable, "is the disk full?", err), os.Remove(f.Name()))
	}
	return digest, size, nil
}
