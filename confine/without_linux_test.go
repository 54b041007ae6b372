package confine_test

import (
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"fairlead.dev/confine"
)

// envWithout tells this program what it has to do without: namespaces, or
// everything that a step could be kept in by.
const envWithout = "FAIRLEAD_TEST_WITHOUT"

// without runs tests of this program again where no namespaces may be made.
func without(t *testing.T, what string, tests ...string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := `echo 0 >/proc/sys/user/max_user_namespaces && exec "$0" -test.v -test.run "$1"`
	cmd := exec.Command("unshare", "-Ur", "sh", "-c", script, self, "^("+strings.Join(tests, "|")+")$")
	cmd.Env = append(os.Environ(), envWithout+"="+what)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return string(out)
}

// Where namespaces may not be made, Landlock and a filter keep a step as far
// from network and files.
func TestLandlockInsteadOfNamespaces(t *testing.T) {
	out := without(t, "namespaces", "TestNoNetwork", "TestOnlyTheNetworkForWhatLooksAtAService", "TestOnlyScratchIsWritable", "TestWhatCanBeRead", "TestNothingIsInherited", "TestMemoryIsLimited", "TestOneDoesNotKillOthers")
	if n := strings.Count(out, "--- PASS"); n != 7 || strings.Contains(out, "--- SKIP") {
		t.Errorf("%d tests passed:\n%s", n, out)
	}
}

// Where there is neither, it is limited all the same, and the result says so.
func TestNothingToKeepItInIsSaid(t *testing.T) {
	if os.Getenv(envWithout) == "" {
		if out := without(t, "everything", "TestNothingToKeepItInIsSaid", "TestMemoryIsLimited"); strings.Count(out, "--- PASS") != 2 {
			t.Error(out)
		}
		return
	}
	in, output := given(t, "keep", "x")
	out, err := confine.Run(t.Context(), confine.Self, typ(), in)
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{out.Reason, output.String()} {
		if !strings.Contains(said, "not cut off from network and files, only limited") || !strings.Contains(said, "Landlock") {
			t.Errorf("it says %q", said)
		}
	}
}

// A step does not end processes that are none of its own.
func TestOneDoesNotKillOthers(t *testing.T) {
	isolated(t)
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	in, _ := given(t, "kill", strconv.Itoa(other.Process.Pid))
	if got := done(t, in); !strings.Contains(got, "no such process") && !strings.Contains(got, "not permitted") {
		t.Errorf("killing gives %s", got)
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the other process: %v", err)
	}
}

// withoutLandlock makes the kernel answer as one that does not have it.
func withoutLandlock() {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return
	}
	runtime.LockOSThread()
	type instruction struct {
		code   uint16
		jt, jf uint8
		k      uint32
	}
	const load, jumpIfEqual, say = 0x20, 0x15, 0x06
	program := [4]instruction{{load, 0, 0, 0}, {jumpIfEqual, 0, 1, 444}, {say, 0, 0, 0x00050000 | uint32(syscall.ENOSYS)}, {say, 0, 0, 0x7fff0000}}
	filter := struct {
		len     uint16
		program *instruction
	}{4, &program[0]}
	const setFilter, allThreads = 1, 1
	if _, _, errno := syscall.Syscall(sysSeccomp(), setFilter, allThreads, uintptr(unsafe.Pointer(&filter))); errno != 0 {
		panic(errno)
	}
	runtime.KeepAlive(program)
}

func sysSeccomp() uintptr {
	if runtime.GOARCH == "arm64" {
		return 277
	}
	return 317
}
