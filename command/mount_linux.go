package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// layer is a directory that a command sees otherwise than it is.
type layer struct {
	place
	kind layerKind
	tree int // of one that shows through: a copy of its mounts, made before anything was changed
}

type layerKind int

const (
	covered  layerKind = iota // empty
	readable                  // as it is, but read-only
	writable                  // as it is
)

// layOut lets this mount namespace show what the order allows: protected
// directories read-only, hidden ones empty, and of either only the working
// directory as it is. A layer lies over those around it, so the layers come
// from outside to inside.
//
// Every directory on the way to a layer becomes a mount point: those can
// neither be renamed nor removed, so no command can put a directory of its
// own in the place of one that Fairlead trusts.
func layOut(o order) error {
	layers := o.layers()
	for i := range layers {
		l := &layers[i]
		if l.kind == covered {
			continue
		}
		var err error
		if l.tree, err = copyTree(l.Path, l.kind == readable); err != nil {
			return noIsolation("copy the mounts of "+l.Path, err)
		}
		defer func() { _ = unix.Close(l.tree) }()
	}
	if err := pin(layers); err != nil {
		return err
	}
	if o.Sealed {
		if err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return noIsolation("seal", err)
		}
	}
	for i, l := range layers {
		target, err := l.target(layers[:i])
		if err != nil {
			return err
		}
		err = l.put(target, layers[i+1:])
		_ = unix.Close(target)
		if err != nil {
			return noIsolation("protect "+l.Path, err)
		}
	}
	return nil
}

// layers gives what is to be laid out, outer ones first.
func (o order) layers() []layer {
	var all []layer
	for _, p := range o.Hide {
		all = append(all, layer{place: p, kind: covered})
	}
	for _, p := range o.ReadOnly {
		all = append(all, layer{place: p, kind: readable})
	}
	if o.Sealed && o.Work.Path != "/" || slices.ContainsFunc(all, func(l layer) bool { return within(o.Work.Path, l.Path) }) {
		all = append(all, layer{place: o.Work, kind: writable})
	}
	for _, p := range o.Writable {
		all = append(all, layer{place: p, kind: writable})
	}
	slices.SortStableFunc(all, func(a, b layer) int { return strings.Compare(a.Path, b.Path) })
	kept := all[:0]
	for _, l := range all {
		around := nearest(l.Path, kept)
		if l.kind == covered && around != nil && around.kind == covered {
			continue // nothing to see there already
		}
		kept = append(kept, l)
	}
	return kept
}

// pin makes mount points of the directories above the outermost layers. What
// is above a layer inside another one is read-only or of the working directory.
func pin(layers []layer) error {
	pinned := map[string]bool{}
	for i, l := range layers {
		if nearest(l.Path, layers[:i]) != nil {
			continue
		}
		var above []string
		for dir := filepath.Dir(l.Path); dir != "/" && !pinned[dir]; dir = filepath.Dir(dir) {
			pinned[dir] = true
			above = append(above, dir)
		}
		slices.Reverse(above)
		for _, dir := range above {
			tree, err := copyTree(dir, false)
			if err == nil {
				err = errors.Join(unix.MoveMount(tree, "", unix.AT_FDCWD, dir, unix.MOVE_MOUNT_F_EMPTY_PATH), unix.Close(tree))
			}
			if err != nil {
				return noIsolation("keep "+dir+" in place", err)
			}
		}
	}
	return nil
}

// nearest gives the innermost of the layers that a path lies in.
func nearest(path string, layers []layer) *layer {
	for i := range slices.Backward(layers) {
		if within(path, layers[i].Path) {
			return &layers[i]
		}
	}
	return nil
}

// copyTree copies the mounts at and below a directory, not yet visible anywhere.
func copyTree(dir string, readOnly bool) (int, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE|unix.AT_SYMLINK_NOFOLLOW)
	if err != nil || !readOnly {
		return tree, err
	}
	if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return -1, errors.Join(err, unix.Close(tree))
	}
	return tree, nil
}

// target opens the directory that the layer is for, and makes sure that it is
// still the one that was meant when the order was given.
func (l layer) target(under []layer) (int, error) {
	if l.kind != covered {
		if err := l.same(l.tree); err != nil {
			return -1, err
		}
	}
	fd, err := unix.Open(l.Path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, noIsolation("open "+l.Path, err)
	}
	if around := nearest(l.Path, under); around != nil && around.kind == covered {
		return fd, nil // an empty stand-in
	}
	if err := l.same(fd); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// put lays the layer over the target. further are the layers to come.
func (l layer) put(target int, further []layer) error {
	if l.kind != covered {
		return unix.MoveMount(l.tree, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
	}
	at := fmt.Sprintf("/proc/self/fd/%d", target)
	if err := unix.Mount("tmpfs", at, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=64k,mode=0755"); err != nil {
		return err
	}
	for _, f := range further {
		if within(f.Path, l.Path) && f.kind != covered {
			if err := f.standIn(); err != nil {
				return err
			}
		}
	}
	return unix.MountSetattr(unix.AT_FDCWD, l.Path, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}

// standIn makes what the place is laid over, in an empty directory.
func (p place) standIn() error {
	if !p.File {
		return os.MkdirAll(p.Path, 0o755) //nolint:gosec // a way through an empty directory
	}
	if err := os.MkdirAll(filepath.Dir(p.Path), 0o755); err != nil { //nolint:gosec // as above
		return err
	}
	return os.WriteFile(p.Path, nil, 0o600)
}

// same tells whether what is open is the place.
func (p place) same(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return noIsolation("look at "+p.Path, err)
	}
	if st.Dev != p.Dev || st.Ino != p.Ino {
		return unavailable("protect "+p.Path, errors.New("another directory was put in its place"), "see what else changes directories on this machine")
	}
	return nil
}
