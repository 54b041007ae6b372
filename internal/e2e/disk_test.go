package e2e

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const diskConfig = `version: 1
service: big
build: {run: 'head -c 20000000 /dev/urandom >big.bin', artifacts: [big.bin]}
tests:
  unit: {run: 'echo 1..1; echo ok 1 - fine', report: tap}
environments: {dev: {deploy: none}}
`

// TestFullDisk: when the disk is full I am told so, and once there is room
// again the run goes on where it was.
func TestFullDisk(t *testing.T) {
	small := t.TempDir()
	if err := syscall.Mount("none", small, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("SKIPPED: a small file system cannot be mounted here: %v", err)
	}
	defer func() { _ = syscall.Unmount(small, syscall.MNT_DETACH) }()
	l := &lab{t: t, dir: t.TempDir(), effects: filepath.Join(t.TempDir(), "effects")}
	l.write("fairlead.yaml", diskConfig)
	l.git("init", "-q", "-b", "feature/x")
	l.commit("1")

	out, err := l.fairlead(nil, "run", "--state", small).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 4 {
		t.Fatalf("want exit code 4, got %v\n%s", err, out)
	}
	for _, want := range []string{"full", "hint: nothing is lost", "fairlead resume"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if err := syscall.Mount("none", small, "tmpfs", syscall.MS_REMOUNT, "size=400m"); err != nil {
		t.Fatal(err)
	}
	out, err = l.fairlead(nil, "resume", "--state", small).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "success: verified") {
		t.Errorf("resume: %v\n%s", err, out)
	}
}

// TestUpgradeInFlight: a run that is under way when the program is replaced by
// another build is finished by that one.
func TestUpgradeInFlight(t *testing.T) {
	l := newLab(t, "")
	l.commit("upgraded")
	if out, err := l.fairlead([]string{"FAIRLEAD_FAILPOINT=after rollout/shift stage 1 of 2 (20%)"}, "run").CombinedOutput(); err == nil {
		t.Fatalf("the run was to be killed\n%s", out)
	}
	resume := l.fairlead(nil, "resume")
	resume.Path = filepath.Join(program, "later", "fairlead")
	out, err := resume.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "success: release") {
		t.Fatalf("resume by the later build: %v\n%s", err, out)
	}
	l.holdFinished("upgrade")
	l.holdEffects("upgraded", "upgrade")
}
