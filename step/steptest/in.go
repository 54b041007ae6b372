package steptest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/step"
)

// Commit is the commit that In's event is about.
const Commit = "0123456789abcdef0123456789abcdef01234567"

// In makes what a step of the type is given: a workspace with the files, an
// empty scratch directory, a clean environment with HOME in a directory of its
// own, content kept in files, and a push to main. Its config holds the type's
// defaults. What the step prints is in the test's log when the test fails.
func In(t testing.TB, typ step.Type, files map[string]string) step.In {
	t.Helper()
	workspace, scratch, home := t.TempDir(), t.TempDir(), t.TempDir()
	for name, content := range files {
		file := filepath.Join(workspace, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	env, err := command.CleanEnv(nil, map[string]string{"HOME": home, "FAIRLEAD_COMMIT": Commit})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(typ.Config)
	if err != nil {
		t.Fatal(err)
	}
	kept := &blobs{dir: t.TempDir()}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("output:\n%s", kept.output())
		}
	})
	return step.In{
		Key: "run-1/" + typ.Name,
		Event: fairlead.Event{
			Type: fairlead.EventPush, Repository: "shop", Branch: "main", Commit: Commit, Message: "a change",
			Time: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		},
		Service: "shop", Environment: "production",
		Task:    fairlead.Task{ID: "task", Type: typ.Name, Config: raw, Phase: fairlead.PhaseVerify},
		Attempt: 1, Config: typ.Config, Workspace: workspace, Scratch: scratch, Env: env, Output: kept, Blobs: kept,
	}
}

// blobs keeps content in files named by digest, and output in memory.
type blobs struct {
	dir string

	mu  sync.Mutex
	out bytes.Buffer
}

// Put keeps all of r.
func (b *blobs) Put(ctx context.Context, r io.Reader) (fairlead.Digest, int64, error) {
	if err := ctx.Err(); err != nil {
		return "", 0, &fairlead.Problem{Op: "keep content", Kind: fairlead.KindCancelled, Err: err}
	}
	content, err := io.ReadAll(r)
	if err != nil {
		return "", 0, err
	}
	digest := fairlead.DigestBytes(content)
	return digest, int64(len(content)), os.WriteFile(filepath.Join(b.dir, digest.Hex()), content, 0o600)
}

// read gives the content of a digest.
func (b *blobs) read(d fairlead.Digest) ([]byte, error) {
	if _, err := fairlead.ParseDigest(string(d)); err != nil {
		return nil, errors.New("not a digest")
	}
	return os.ReadFile(filepath.Join(b.dir, d.Hex()))
}

// list gives the names of all that is kept.
func (b *blobs) list(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(b.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Write takes the step's output.
func (b *blobs) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.Write(p)
}

func (b *blobs) output() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.out.String()
}
