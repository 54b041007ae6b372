package command_test

import (
	"os"
	"testing"

	"fairlead.dev/command"
)

func TestMain(m *testing.M) {
	command.Guard()
	os.Exit(m.Run())
}
