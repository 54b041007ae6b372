package image

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"fairlead.dev"
)

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"

	// mostPath is how long a path may be, in bytes.
	mostPath = 4096
	// mostRefused is how many refused entries are told of.
	mostRefused = 100
	// freely is how many bytes of a layer are read before its ratio counts.
	freely = 64 << 20
)

// File is a file of a layer.
type File struct {
	Path  string // slash-separated, without a leading slash; bytes that are no UTF-8 as \xNN
	Mode  fs.FileMode
	Size  int64
	Layer int
}

// Reader says what is wanted of the layers' files.
type Reader struct {
	Limits Limits
	// Keep chooses the files whose content the [Tree] holds.
	Keep func(path string, info fs.FileInfo) bool
	// Look is shown the content of every regular file, of a larger one the first
	// LookMax bytes, of every layer: also what a later one deletes. It must not keep
	// it. May be nil.
	Look    func(f File, content []byte) error
	LookMax int64
}

// Refused is an entry that no honest image has, or a file that is too large.
type Refused struct {
	Path, Reason string
	Layer        int
	Unsafe       bool // no honest image has it
}

// Read streams all layers, bottom up, and gives the files that are wanted as
// the image's processes see them. dir is an existing directory for what is
// kept; [Tree.Close] lets go of it. An image that breaks a limit, whose digests
// are wrong, or that ends too early is KindInvalid and ErrImage.
func (i *Image) Read(ctx context.Context, dir string, r Reader) (*Tree, error) {
	kept, err := os.CreateTemp(dir, "kept-")
	if err != nil {
		return nil, problem(fairlead.KindUnavailable, "is the disk full?", err)
	}
	w := &walk{Reader: r, tree: newTree(kept), left: r.Limits.Bytes}
	for n := range i.Layers {
		if err := w.layer(ctx, i, n); err != nil {
			_ = w.tree.Close()
			if ctx.Err() != nil {
				return nil, problem(fairlead.KindCancelled, "", ctx.Err())
			}
			if errors.As(err, new(*fairlead.Problem)) {
				return nil, err
			}
			return nil, problem(fairlead.KindInvalid, hintKinds, fmt.Errorf("%w: layer %d (%s): %w", ErrImage, n+1, i.Layers[n].Digest.Short(), err))
		}
	}
	return w.tree, nil
}

// walk goes through layers.
type walk struct {
	Reader
	tree    *Tree
	left    int64 // bytes that may still be read
	entries int
	kept    int64
}

func (w *walk) layer(ctx context.Context, i *Image, n int) error {
	stream, err := i.source.layers[n].Uncompressed()
	if err != nil {
		return err
	}
	defer stream.Close()
	hash := sha256.New()
	packed := i.source.packed(n)
	in := io.TeeReader(&bounded{ctx: ctx, r: stream, left: &w.left, packed: packed, ratio: w.Limits.Ratio}, hash)
	t := tar.NewReader(in)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			if w.entries++; w.entries > w.Limits.Entries {
				err = fmt.Errorf("the layers have more than %d entries", w.Limits.Entries)
			} else {
				err = w.entry(t, h, n)
			}
		}
		if err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	if got := "sha256:" + hex.EncodeToString(hash.Sum(nil)); got != string(i.Layers[n].Digest) {
		return fmt.Errorf("its content has digest %s, not %s", got, i.Layers[n].Digest)
	}
	return nil
}

// bounded ends a stream that is longer than any honest one.
type bounded struct {
	ctx    context.Context
	r      io.Reader
	left   *int64
	packed int64 // size of the compressed stream, or more
	ratio  int64
	read   int64
}

// Read reads inside the limits.
func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	b.read += int64(n)
	if *b.left -= int64(n); *b.left < 0 {
		return n, errors.New("the layers are larger than what is read of an image")
	}
	if b.read > freely && b.packed > 0 && b.read/b.packed >= b.ratio {
		return n, fmt.Errorf("it is compressed more than %d times, as no honest layer is: a decompression bomb", b.ratio)
	}
	return n, err
}

// packed is how many bytes a layer has on disk, or a bound for it.
func (s source) packed(n int) int64 {
	if s.file != "" {
		if info, err := os.Stat(s.file); err == nil {
			return info.Size()
		}
	}
	h, err := s.layers[n].Digest()
	if err != nil {
		return 0
	}
	info, err := os.Stat(blobPath(s.dir, h))
	if err != nil {
		return 0
	}
	return info.Size()
}

// entry takes one entry of a layer's tar in.
func (w *walk) entry(t *tar.Reader, h *tar.Header, n int) error {
	name, why := safe(h.Name)
	if why == "" && (h.Typeflag == tar.TypeLink) {
		_, why = safe(h.Linkname)
	}
	if why != "" {
		w.tree.refuse(Refused{printable(h.Name), why, n, true})
		return nil
	}
	if name == "." {
		return nil
	}
	name, ok := w.tree.place(name)
	if !ok {
		w.tree.refuse(Refused{name, "its directory is a link that leads in circles", n, true})
		return nil
	}
	base := path.Base(name)
	switch {
	case base == opaque:
		w.tree.clear(path.Dir(name), n)
		return nil
	case strings.HasPrefix(base, whiteout):
		w.tree.remove(path.Join(path.Dir(name), strings.TrimPrefix(base, whiteout)))
		return nil
	}
	switch h.Typeflag {
	case tar.TypeDir:
		w.tree.open(name)
	case tar.TypeSymlink:
		w.tree.put(name, &node{mode: fs.ModeSymlink | 0o777, link: printable(h.Linkname), layer: n, at: -1})
	case tar.TypeLink:
		target, _ := safe(h.Linkname)
		w.link(name, target, h, n)
	case tar.TypeReg, tar.TypeGNUSparse:
		return w.file(t, h, name, n)
	default: // devices, pipes
		w.tree.remove(name)
	}
	return nil
}

// link makes a second name of a file that was kept.
func (w *walk) link(name, target string, h *tar.Header, n int) {
	if place, ok := w.tree.place(target); ok {
		if old := w.tree.find(place, false); old != nil && old.mode.IsRegular() {
			w.tree.put(name, &node{mode: old.mode, size: old.size, at: old.at, layer: n})
			return
		}
	}
	w.tree.remove(name)
	if w.Keep(name, info{name: name, mode: h.FileInfo().Mode().Perm()}) {
		w.tree.refuse(Refused{name, "it is a hard link to a file that is not kept, so it is not read", n, false})
	}
}

// file keeps or shows the content of a file, or passes over it.
func (w *walk) file(t *tar.Reader, h *tar.Header, name string, n int) error {
	mode := h.FileInfo().Mode()
	keep := w.Keep(name, info{name: name, mode: mode, size: h.Size})
	if keep && (h.Size > w.Limits.File || w.kept+h.Size > w.Limits.Kept) {
		w.tree.refuse(Refused{name, fmt.Sprintf("it has %d bytes, more than is read of a file or of all", h.Size), n, false})
		keep = false
	}
	special := mode&(fs.ModeSetuid|fs.ModeSetgid) != 0
	var content []byte
	if w.Look != nil {
		var err error
		if content, err = io.ReadAll(io.LimitReader(t, min(h.Size, w.LookMax))); err != nil {
			return err
		}
		if err := w.Look(File{Path: name, Mode: mode, Size: h.Size, Layer: n}, content); err != nil {
			return err
		}
	}
	if !keep && !special {
		w.tree.remove(name)
		return nil
	}
	made := &node{mode: mode, size: h.Size, layer: n, at: -1}
	if keep {
		w.kept += h.Size
		var err error
		if made.at, made.size, err = w.tree.store(io.MultiReader(bytes.NewReader(content), t)); err != nil {
			return err
		}
	}
	w.tree.put(name, made)
	return nil
}
