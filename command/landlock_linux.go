package command

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What Landlock allows to do below a directory, or with a file.
const (
	toFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_READ_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	toRead = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	// toAll is what the first version of Landlock knows; later ones know more.
	toAll = 1<<13 - 1
)

// devices are those that a command may use that is kept from all others: raw
// disks and memory are files too.
func devices() []string {
	return []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"}
}

// landlock takes from this thread, and from whatever it starts, what the order
// does not let its command do with files and with the network. It is for where
// namespaces may not be made, and weaker: what is hidden can still be seen to
// be there.
func landlock(o order) error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return noLandlock("use Landlock", errno)
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: toAll}
	for since, access := range map[uintptr]uint64{2: unix.LANDLOCK_ACCESS_FS_REFER, 3: unix.LANDLOCK_ACCESS_FS_TRUNCATE, 5: unix.LANDLOCK_ACCESS_FS_IOCTL_DEV} {
		if version >= since {
			attr.Handled_access_fs |= access
		}
	}
	size := unsafe.Sizeof(attr.Handled_access_fs)
	if version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_SIGNAL | unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
		size = unsafe.Offsetof(attr.Quiet_access_fs)
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return noLandlock("make a ruleset", errno)
	}
	set := ruleset{fd: int(fd), handled: attr.Handled_access_fs}
	defer func() { _ = unix.Close(set.fd) }()
	if err := set.lay(o); err != nil {
		return err
	}
	if os.Geteuid() == 0 { // root's rights reach around files
		if err := dropRights(); err != nil {
			return err
		}
	} else if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return noLandlock("forbid new rights", err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(set.fd), 0, 0); errno != 0 {
		return noLandlock("restrict", errno)
	}
	return nil
}

// ruleset is what is being allowed.
type ruleset struct {
	fd      int
	handled uint64
}

// lay allows what the order's layers let its command see and change.
func (r ruleset) lay(o order) error {
	base := layer{place: place{Path: "/"}, kind: writable}
	if o.Sealed {
		base.kind = readable
	}
	layers := append(o.layers(), layer{place: place{Path: "/dev"}, kind: covered})
	if err := r.layer(base, layers); err != nil {
		return err
	}
	for _, name := range devices() {
		if err := r.allow(name, nil, toFile); err != nil {
			return err
		}
	}
	// The program itself may lie in what is hidden, and is nothing to hide.
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return noLandlock("find the program", err)
	}
	return r.allow(self, nil, unix.LANDLOCK_ACCESS_FS_EXECUTE|unix.LANDLOCK_ACCESS_FS_READ_FILE)
}

// layer allows what a layer shows, and what the layers inside it show. What is
// allowed counts for everything below, so where less is shown further inside
// everything beside that is allowed one by one.
func (r ruleset) layer(l layer, all []layer) error {
	var inside []layer
	for _, other := range all {
		if other.Path != l.Path && within(other.Path, l.Path) {
			inside = append(inside, other)
		}
	}
	if l.kind != covered {
		narrower := slices.ContainsFunc(inside, func(in layer) bool { return in.kind < l.kind })
		if narrower {
			if err := r.beside(l, l.Path, inside); err != nil {
				return err
			}
		} else if err := r.shown(l, l.Path); err != nil {
			return err
		}
	}
	for _, in := range inside {
		around := nearest(in.Path, sorted(slices.DeleteFunc(slices.Clone(inside), func(o layer) bool { return o.Path == in.Path })))
		if around == nil { // else the one around it does it
			if err := r.layer(in, all); err != nil {
				return err
			}
		}
	}
	return nil
}

func sorted(all []layer) []layer {
	slices.SortFunc(all, func(a, b layer) int { return len(a.Path) - len(b.Path) })
	return all
}

// beside allows what is in a directory of a layer, but for what the layers
// inside say.
func (r ruleset) beside(l layer, dir string, inside []layer) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return noLandlock("list "+dir, err)
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case slices.ContainsFunc(inside, func(in layer) bool { return in.Path == path }):
		case slices.ContainsFunc(inside, func(in layer) bool { return within(in.Path, path) }):
			err = r.beside(l, path, inside)
		default:
			err = r.shown(layer{kind: l.kind}, path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// shown allows what a layer of this kind allows at a path.
func (r ruleset) shown(l layer, path string) error {
	access := uint64(toRead)
	if l.kind == writable {
		access = r.handled
	}
	var want *place
	if l.Path == path && path != "/" {
		want = &l.place
	}
	return r.allow(path, want, access)
}

// allow allows access below a path, or to a file, when it is what is wanted. What
// is gone, a link, or out of reach needs nothing.
func (r ruleset) allow(path string, want *place, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		if want != nil {
			return noLandlock("open "+path, err)
		}
		return nil
	}
	defer func() { _ = unix.Close(fd) }()
	if want != nil {
		if err := want.same(fd); err != nil {
			return err
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return noLandlock("look at "+path, err)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		return nil
	case unix.S_IFDIR:
	default:
		access &= toFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access & r.handled, Parent_fd: int32(fd)} //nolint:gosec // a descriptor is small
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return noLandlock("allow "+path, fmt.Errorf("%w (access %#x)", errno, rule.Allowed_access))
	}
	return nil
}

func noLandlock(op string, err error) error {
	hint := ""
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPERM) {
		hint = "Landlock needs Linux 5.13 or later with landlock among its security modules, and a container whose seccomp profile allows it"
	}
	return unavailable(op, err, hint)
}
