package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"fairlead.dev/test/cluster/enclosure"
)

// execute becomes a command on the network of a running cluster.
func execute(args []string) error {
	flags := pflag.NewFlagSet("kubelite exec", pflag.ContinueOnError)
	dir := flags.String("dir", "", "directory of the cluster")
	if err := flags.Parse(args); err != nil {
		return err
	}
	command := flags.Args()
	if *dir == "" || len(command) == 0 {
		return errors.New("exec needs --dir DIR and -- COMMAND")
	}
	content, err := os.ReadFile(filepath.Join(*dir, pidFile))
	if err != nil {
		return fmt.Errorf("no cluster runs in %s: %w", *dir, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return err
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return err
	}
	return enclosure.Exec(enclosure.Network(pid), program, command, os.Environ())
}
