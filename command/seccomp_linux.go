package command

import (
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fence takes from this thread, and from the command that it starts, what the
// order leaves to Landlock and to a filter of system calls.
func fence(o order) error {
	if o.Landlock {
		if err := landlock(o); err != nil {
			return err
		}
	}
	if !o.Sealed {
		return nil
	}
	families := []uint32{unix.AF_INET, unix.AF_INET6, unix.AF_NETLINK}
	if o.Offline {
		families = nil
	}
	err := fewSockets(families...)
	if errors.Is(err, errNoFilter) && !o.Landlock {
		return nil // its network is empty all the same
	}
	return err
}

// errNoFilter is for machines whose system calls are not known here.
var errNoFilter = errors.New("no filter of system calls for " + runtime.GOARCH)

// architecture is how the kernel names what this program was built for.
func architecture() (arch uint32, ok bool) {
	switch runtime.GOARCH {
	case "amd64":
		return unix.AUDIT_ARCH_X86_64, true
	case "arm64":
		return unix.AUDIT_ARCH_AARCH64, true
	case "riscv64":
		return unix.AUDIT_ARCH_RISCV64, true
	}
	return 0, false
}

// Offsets in what a filter sees of a system call, on machines with the small end first.
const (
	atNumber   = 0
	atArch     = 4
	atArgument = 16 // the lower half of the first one
	x32        = 0x40000000
)

// What a filter says.
const (
	sayYes  = 0x7fff0000
	sayNo   = 0x00050000 | uint32(unix.EACCES)
	modeOne = 2 // SECCOMP_MODE_FILTER
)

// fewSockets lets this thread, and whatever it starts, make sockets of the given
// families only. An empty network does not keep a command from the sockets that
// lie among files, such as a container engine's, whose rights are root's.
func fewSockets(families ...uint32) error {
	arch, ok := architecture()
	if !ok {
		return unavailable("filter system calls", errNoFilter, "")
	}
	load := func(at uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at}
	}
	say := func(what uint32) unix.SockFilter { return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: what} }
	unless := func(op uint16, k uint32, skip uint8) unix.SockFilter { // skips so many when it holds
		return unix.SockFilter{Code: unix.BPF_JMP | op | unix.BPF_K, Jt: skip, K: k}
	}
	program := []unix.SockFilter{
		load(atArch), unless(unix.BPF_JEQ, arch, 1), say(sayNo),
		load(atNumber),
		{Code: unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K, Jf: 1, K: x32},
		say(sayNo), // the same calls under other numbers
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: unix.SYS_IO_URING_SETUP},
		say(sayNo), // makes sockets without the call
		unless(unix.BPF_JEQ, unix.SYS_SOCKET, 1), say(sayYes),
		load(atArgument),
	}
	for _, f := range families {
		program = append(program, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: f}, say(sayYes))
	}
	program = append(program, say(sayNo))
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return unavailable("forbid new rights", err, "")
	}
	f := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]} //nolint:gosec // a few dozen
	if err := unix.Prctl(unix.PR_SET_SECCOMP, modeOne, uintptr(unsafe.Pointer(&f)), 0, 0); err != nil {
		return unavailable("filter system calls", err, "the kernel needs CONFIG_SECCOMP_FILTER")
	}
	runtime.KeepAlive(program)
	return nil
}
