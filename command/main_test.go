//go:build linux

package command_test

import (
	"os"
	"syscall"
	"testing"

	"fairlead.dev/command"
)

func TestMain(m *testing.M) {
	command.Guard()
	if os.Args[0] == "maker" {
		syscall.Exit(maker())
	}
	os.Exit(m.Run())
}
