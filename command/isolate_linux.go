package command

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// enter starts a guard as process 1 of new user, mount and process namespaces,
// and cut off from the network when told to, and waits for it. Users and groups keep their numbers, so files look as they
// did. When this process dies the namespaces die with all their processes.
//
// It is a step of its own because a program that called Harden may not write
// its child's user map; this process, freshly started, may.
func enter(cutOff bool) error {
	uids, err := identity("/proc/self/uid_map", os.Geteuid())
	if err != nil {
		return err
	}
	gids, err := identity("/proc/self/gid_map", os.Getegid())
	if err != nil {
		return err
	}
	attr := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		UidMappings: uids, GidMappings: gids, GidMappingsEnableSetgroups: os.Geteuid() == 0 && setgroupsAllowed(),
		Pdeathsig: syscall.SIGKILL,
	}
	if cutOff {
		attr.Cloneflags |= syscall.CLONE_NEWNET
	}
	if os.Geteuid() != 0 { // root has them anyhow
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP, unix.CAP_KILL}
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{guardName, modeInside}, Dir: "/", Env: []string{},
		Stdout: os.Stdout, Stderr: os.Stderr, SysProcAttr: attr,
		ExtraFiles: []*os.File{os.NewFile(controlFD, "control"), os.NewFile(reportFD, "report")},
	}
	if err := cmd.Start(); err != nil {
		return noIsolation("make namespaces", err)
	}
	_ = cmd.Wait() // it has reported, or its silence tells
	return nil
}

// setgroupsAllowed is false inside a user namespace that has given the right
// up, such as a rootless container's; a child cannot have it back.
func setgroupsAllowed() bool {
	b, err := os.ReadFile("/proc/self/setgroups")
	return err == nil && strings.TrimSpace(string(b)) == "allow"
}

// identity maps every number this process may map to itself: all that are
// mapped here for root, its own for anybody else.
func identity(file string, self int) ([]syscall.SysProcIDMap, error) {
	if os.Geteuid() != 0 {
		return []syscall.SysProcIDMap{{ContainerID: self, HostID: self, Size: 1}}, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, noIsolation("read user map", err)
	}
	defer f.Close()
	var ids []syscall.SysProcIDMap
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var inside, outside, count int
		if _, err := fmt.Sscan(lines.Text(), &inside, &outside, &count); err != nil {
			return nil, noIsolation("read user map", err)
		}
		ids = append(ids, syscall.SysProcIDMap{ContainerID: inside, HostID: inside, Size: count})
	}
	return ids, nil
}

// isolate lays out what the order lets its command see and gives up, for
// everything that this thread starts, the rights with which that could be undone.
func isolate(o order) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return noIsolation("make mounts private", err)
	}
	// Best effort: where /proc is already restricted a fresh one is refused and
	// the old one stays, which shows numbers of other processes but not their insides.
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if err := layOut(o); err != nil {
		return err
	}
	if os.Geteuid() == 0 {
		if err := restrainRoot(); err != nil {
			return err
		}
	}
	return dropRights()
}

// restrainRoot closes the ways by which the user root, who owns them, could
// reach around the namespaces: kernel settings and raw disks.
func restrainRoot() error {
	for _, path := range []string{"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/sys"} {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if err := unix.Mount(path, path, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return noIsolation("protect "+path, err)
		}
		if err := unix.MountSetattr(unix.AT_FDCWD, path, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
			return noIsolation("protect "+path, err)
		}
	}
	return filepath.WalkDir("/dev", func(path string, d os.DirEntry, err error) error {
		if path == "/dev/shm" {
			return filepath.SkipDir // people's files, as many as they like
		}
		if err != nil || d.Type()&os.ModeDevice == 0 || d.Type()&os.ModeCharDevice != 0 {
			return nil //nolint:nilerr // what cannot be listed cannot be opened by name either
		}
		if err := unix.Mount(os.DevNull, path, "", unix.MS_BIND, ""); err != nil {
			return noIsolation("cover "+path, err)
		}
		return nil
	})
}

// kept are the capabilities that a root command keeps, within its namespace:
// those that installing and packaging software need. None of them mounts,
// traces or makes devices.
func kept(c uintptr) bool {
	switch c {
	case unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL,
		unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_SETFCAP, unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_CHROOT:
		return true
	}
	return false
}

// dropRights takes from all programs that this thread starts every capability
// that is not kept, and the means to gain any. Users other than root keep none.
// The thread's own rights stay, which puts it out of the command's reach.
func dropRights() error {
	for c := uintptr(0); c < 64; c++ {
		if kept(c) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); errors.Is(err, unix.EINVAL) {
			break // the kernel knows no more
		} else if err != nil {
			return noIsolation("drop capabilities", err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return noIsolation("drop ambient capabilities", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return noIsolation("read capabilities", err)
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &data[0]); err != nil {
		return noIsolation("drop inheritable capabilities", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return noIsolation("forbid new rights", err)
	}
	return nil
}

func noIsolation(op string, err error) error {
	return unavailable(op, err, "directories can be hidden from commands only where user and mount namespaces may be made: "+
		"see sysctl user.max_user_namespaces and kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns, and the seccomp profile of a container")
}
