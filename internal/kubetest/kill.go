package kubetest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// KillControlPlane kills etcd, the API server and their controllers as kill -9
// does, while pods and traffic go on. They are started again a second later,
// with what they had.
func (c *Cluster) KillControlPlane() error {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", c.pid))
	if err != nil {
		return err
	}
	for _, list := range lists {
		content, err := os.ReadFile(list) //nolint:gosec // of a process of ours
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range bytes.Fields(content) {
			line, _ := os.ReadFile(filepath.Join("/proc", string(field), "cmdline")) //nolint:gosec // the same
			if !bytes.Contains(line, []byte("\x00control-plane\x00")) {
				continue
			}
			pid, err := strconv.Atoi(string(field))
			if err != nil {
				return err
			}
			return syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return errors.New("the cluster has no control plane just now")
}
