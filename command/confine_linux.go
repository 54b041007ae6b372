package command

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Namespaces gives the attributes with which a program is started that is to
// call [Confine]: in user and mount namespaces of its own, with users and
// groups that keep their numbers. The program that starts it must not be
// hardened at that moment, or the kernel refuses it the user map.
func Namespaces() (*syscall.SysProcAttr, error) {
	uids, err := identity("/proc/self/uid_map", os.Geteuid())
	if err != nil {
		return nil, err
	}
	gids, err := identity("/proc/self/gid_map", os.Getegid())
	if err != nil {
		return nil, err
	}
	attr := &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: uids, GidMappings: gids, GidMappingsEnableSetgroups: os.Geteuid() == 0 && setgroupsAllowed(),
	}
	if os.Geteuid() != 0 { // root has them anyhow
		attr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP}
	}
	return attr, nil
}

// Confine lets this process, in namespaces of its own, see no more than the
// spec's Hide, ReadOnly and Dir allow, and takes from whatever it executes the
// rights with which that could be undone. It is for a process that becomes
// another program without a guard; only what is executed by the calling
// goroutine is confined.
func Confine(s Spec) error {
	runtime.LockOSThread() // rights belong to a thread
	var o order
	if err := o.lay(s); err != nil {
		return err
	}
	return isolate(o)
}
