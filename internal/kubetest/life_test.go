package kubetest_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev/internal/kubetest"
)

// TestLeastPrivilege holds that an account may do what its role says and
// nothing else.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Shared(t)
	kubeconfig := c.User(t, namespace, "reader", "- {apiGroups: [''], resources: [pods], verbs: [get, list]}")
	as := func(args ...string) error {
		_, err := c.Kubectl(context.Background(), "", append([]string{"--kubeconfig", kubeconfig}, args...)...)
		return err
	}
	if err := as("get", "pods"); err != nil {
		t.Error(err)
	}
	if err := as("delete", "pod", "any"); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("deleting pods: %v", err)
	}
	if err := as("get", "pods", "-n", "default"); err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("another namespace: %v", err)
	}
}

// TestTwoClusters holds that clusters do not know of each other, although they
// have the same addresses.
func TestTwoClusters(t *testing.T) {
	t.Parallel()
	clusters := []*kubetest.Cluster{kubetest.Start(t, kubetest.Options{}), kubetest.Start(t, kubetest.Options{Nodes: 2})}
	for i, c := range clusters {
		release := fmt.Sprintf("%d.0.0", i+1)
		image := add(t, c, "registry.test/podinfo:1", c.Podinfo(release))
		namespace := c.Namespace(t)
		c.Must(t, podinfo("web", image, 1), "apply", "-n", namespace, "-f", "-")
		rolledOut(t, c, namespace, "web")
		client, address := c.HTTPClient(), clusterIP(t, c, namespace, "web")
		eventually(t, func() error {
			answer, err := version(client, address+":80")
			if err == nil && answer != release {
				err = fmt.Errorf("cluster %d answers %s", i, answer)
			}
			return err
		})
		nodes := c.Must(t, "", "get", "nodes", "-o", "name")
		if got := strings.Count(nodes, "node/"); got != i+1 {
			t.Errorf("cluster %d has nodes %q", i, nodes)
		}
	}
}

// TestKillLeavesNothing holds that nothing of a cluster runs on when it is
// killed: no process, and no interface on the machine's own network.
func TestKillLeavesNothing(t *testing.T) {
	t.Parallel()
	before := interfaces(t)
	c := kubetest.Start(t, kubetest.Options{})
	image := add(t, c, "registry.test/podinfo:1", c.Podinfo("1.0.0"))
	c.Must(t, podinfo("web", image, 2), "apply", "-n", "default", "-f", "-")
	rolledOut(t, c, "default", "web")
	if got := processes(t, c.Dir); len(got) < 3 {
		t.Fatalf("processes of the cluster: %v", got)
	}
	if got := interfaces(t); got != before {
		t.Errorf("interfaces outside: %s, before: %s", got, before)
	}
	c.Kill()
	eventually(t, func() error {
		if left := processes(t, c.Dir); len(left) > 0 {
			return fmt.Errorf("still running: %v", left)
		}
		return nil
	})
}

func interfaces(t *testing.T) string {
	t.Helper()
	names, err := filepath.Glob("/sys/class/net/*")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// processes gives those that were started with dir in their command line or
// that work below it.
func processes(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var mine []string
	for _, process := range found {
		command, _ := os.ReadFile(process + "/cmdline")
		work, _ := os.Readlink(process + "/cwd")
		if strings.Contains(string(command), dir) || strings.HasPrefix(work, dir) {
			mine = append(mine, strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return mine
}
