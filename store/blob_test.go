package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"fairlead.dev"
	"fairlead.dev/store"
	"pgregory.net/rapid"
)

func TestBlobs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "blobs")
	b, err := store.OpenBlobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(rt, "data")
		for range 2 {
			d, size, err := b.Put(t.Context(), iotest.OneByteReader(bytes.NewReader(data)))
			if err != nil || d != fairlead.DigestBytes(data) || size != int64(len(data)) {
				rt.Fatalf("put: %s, %d, %v", d, size, err)
			}
		}
		got, err := readBlob(t, b, fairlead.DigestBytes(data))
		if err != nil || !bytes.Equal(got, data) {
			rt.Fatalf("read %d bytes, error %v", len(got), err)
		}
	})
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("temporary files left: %v, error %v", left, err)
	}
}

func readBlob(t *testing.T, b *store.Blobs, d fairlead.Digest) ([]byte, error) {
	t.Helper()
	r, err := b.Open(t.Context(), d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestBlobsPutAtOnce(t *testing.T) {
	b, err := store.OpenBlobs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data := strings.Repeat("same", 100_000)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, _, err := b.Put(t.Context(), strings.NewReader(data)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got, err := readBlob(t, b, fairlead.DigestBytes([]byte(data))); err != nil || string(got) != data {
		t.Errorf("read %d bytes, error %v", len(got), err)
	}
}

// A changed byte is found at the end of reading, whatever its place.
func TestBlobChanged(t *testing.T) {
	b, err := store.OpenBlobs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := b.Put(t.Context(), strings.NewReader("the program"))
	if err != nil {
		t.Fatal(err)
	}
	path, err := b.Path(d)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("%v, error %v; want a file nobody may write", info, err)
	}
	for _, forged := range []string{"The program", "the prograM", "the progra", "the program "} {
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(forged), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readBlob(t, b, d); fairlead.KindOf(err) != fairlead.KindDenied || fairlead.HintOf(err) == "" {
			t.Errorf("%q: error %v, want denied", forged, err)
		}
	}
	// Content of another size is replaced by the right one.
	if _, _, err := b.Put(t.Context(), strings.NewReader("the program")); err != nil {
		t.Fatal(err)
	}
	if got, err := readBlob(t, b, d); err != nil || string(got) != "the program" {
		t.Errorf("after storing it again: %q, error %v", got, err)
	}
}

func TestBlobRefusals(t *testing.T) {
	dir := t.TempDir()
	b, err := store.OpenBlobs(dir)
	if err != nil {
		t.Fatal(err)
	}
	for d, kind := range map[fairlead.Digest]fairlead.Kind{
		fairlead.DigestBytes([]byte("missing")): fairlead.KindNotFound,
		"":                                      fairlead.KindInvalid, "sha256:../../etc/passwd": fairlead.KindInvalid, "sha256:": fairlead.KindInvalid,
	} {
		if _, err := b.Open(t.Context(), d); fairlead.KindOf(err) != kind {
			t.Errorf("open %q: %v, want %s", d, err, kind)
		}
		if _, err := b.Path(d); fairlead.KindOf(err) != kind {
			t.Errorf("path of %q: %v, want %s", d, err, kind)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.Put(ctx, strings.NewReader("x")); fairlead.KindOf(err) != fairlead.KindCancelled {
		t.Errorf("put after cancel: %v", err)
	}
	if _, _, err := b.Put(t.Context(), iotest.ErrReader(errors.New("source broke"))); err == nil || !strings.Contains(err.Error(), "source broke") {
		t.Errorf("put from a broken reader: %v", err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("temporary files left: %v, error %v", left, err)
	}
	if _, err := store.OpenBlobs(filepath.Join(dir, "sha256\x00")); fairlead.KindOf(err) != fairlead.KindUnavailable {
		t.Errorf("open a directory that cannot be: %v", err)
	}
}
