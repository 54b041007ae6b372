package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// TestStartAllocatesLittle holds that no library does its work before anybody
// asked for it: every command pays for that. Bytes are told, not times, for they
// are the same on a busy machine.
func TestStartAllocatesLittle(t *testing.T) {
	const most = 8 << 20
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	start := exec.Command(self, "-test.run=^$")
	start.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	traced, err := start.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, traced)
	}
	sum, packages := 0, 0
	for _, line := range regexp.MustCompile(`(?m)^init (\S+) @.* clock, (\d+) bytes,`).FindAllSubmatch(traced, -1) {
		bytes, err := strconv.Atoi(string(line[2]))
		if err != nil {
			t.Fatal(err)
		}
		sum += bytes
		packages++
		if bytes > most/4 {
			t.Errorf("package %s allocates %d KB whenever a process starts (docs/adr/0015-start.md)", line[1], bytes>>10)
		}
	}
	if packages < 100 {
		t.Fatalf("only %d packages were traced: %s", packages, traced)
	}
	if sum > most {
		t.Errorf("all packages together allocate %d KB whenever a process starts, %d KB at most", sum>>10, most>>10)
	}
	t.Logf("%d packages allocate %d KB", packages, sum>>10)
}
