package kubetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A test binary shares one cluster where its tests keep to namespaces of their
// own. The cluster ends with the binary.
var (
	shared     sharing
	namespaces atomic.Int64
)

type sharing struct {
	once    sync.Once
	cluster *Cluster
	err     error
}

func (s *sharing) get() (*Cluster, error) {
	s.once.Do(func() {
		dir, err := os.MkdirTemp("", "kubetest")
		if err != nil {
			s.err = err
			return
		}
		s.cluster, s.err = Launch(dir, Options{})
	})
	return s.cluster, s.err
}

// Start gives a cluster of the test's own, which ends with the test. A test
// that failed says what was in the cluster.
func Start(tb testing.TB, o Options) *Cluster {
	tb.Helper()
	refuse(tb)
	c, err := Launch(tb.TempDir(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Stop)
	tb.Cleanup(func() {
		if tb.Failed() {
			c.dump(tb, "--all-namespaces")
		}
	})
	return c
}

// Shared gives the cluster that all tests of the binary share, and a fresh
// namespace in it, which is deleted at the end of the test. The cluster has one
// node and the Gateway API.
func Shared(tb testing.TB) (c *Cluster, namespace string) {
	tb.Helper()
	refuse(tb)
	c, err := shared.get()
	if err != nil {
		tb.Fatal(err)
	}
	return c, c.Namespace(tb)
}

// StopShared ends the shared cluster, if there is one, and removes its files.
// It is for the end of TestMain: without it the files stay behind.
func StopShared() {
	if c := shared.cluster; c != nil {
		c.Stop()
		_ = os.RemoveAll(c.Dir)
	}
}

// refuse ends a test that cannot have a cluster: it fails, or is skipped where
// somebody asked for that.
func refuse(tb testing.TB) {
	tb.Helper()
	if os.Getenv(Off) == "off" {
		tb.Skipf("NOT TESTED on Kubernetes (%s=off)", Off)
	}
	if _, err := binaries(); errors.Is(err, ErrMissing) {
		tb.Fatalf("%v (or set %s=off)", err, Off)
	}
}

// Namespace makes a namespace that is deleted at the end of the test, and gives
// its name when pods can be made in it.
func (c *Cluster) Namespace(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("test-%d", namespaces.Add(1))
	c.Must(tb, "", "create", "namespace", name)
	c.Must(tb, "", "wait", "--for=create", "-n", name, "serviceaccount/default", "--timeout=180s")
	tb.Cleanup(func() {
		if tb.Failed() {
			c.dump(tb, "-n", name)
		}
		c.Must(tb, "", "delete", "namespace", name, "--wait=false")
	})
	return name
}

// Must runs kubectl as the administrator and gives its standard output. The
// test fails when kubectl does.
func (c *Cluster) Must(tb testing.TB, stdin string, args ...string) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	out, err := c.Kubectl(ctx, stdin, args...)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// User makes an account with a role in a namespace and gives the path of its
// kubeconfig. rules is the YAML of the role's rules, a list:
//
//   - apiGroups: [apps]
//     resources: [deployments]
//     verbs: [get, list, watch, patch]
func (c *Cluster) User(tb testing.TB, namespace, name, rules string) (kubeconfig string) {
	tb.Helper()
	role := fmt.Sprintf("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: %s}\nrules:\n%s\n", name, rules)
	c.Must(tb, "", "create", "serviceaccount", name, "-n", namespace)
	c.Must(tb, role, "apply", "-n", namespace, "-f", "-")
	c.Must(tb, "", "create", "rolebinding", name, "-n", namespace, "--role="+name, "--serviceaccount="+namespace+":"+name)
	token := strings.TrimSpace(c.Must(tb, "", "create", "token", name, "-n", namespace))
	return c.kubeconfigWith(tb, token, namespace)
}

// kubeconfigWith copies the administrator's file with another token in it.
func (c *Cluster) kubeconfigWith(tb testing.TB, token, namespace string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "kubeconfig")
	content, err := os.ReadFile(c.Kubeconfig)
	if err == nil {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		tb.Fatal(err)
	}
	c.Must(tb, "", "config", "set-credentials", "admin", "--token="+token, "--kubeconfig="+path)
	c.Must(tb, "", "config", "set-context", "--current", "--namespace="+namespace, "--kubeconfig="+path)
	return path
}

// dump writes what is in the cluster, as far as scope goes, to the test's log.
func (c *Cluster) dump(tb testing.TB, scope ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, args := range [][]string{
		{"get", "deployments,replicasets,pods,services,endpointslices", "-o", "wide"},
		{"get", "gateways,httproutes", "-o", "yaml"},
		{"get", "events", "--sort-by=.lastTimestamp"},
	} {
		out, err := c.Kubectl(ctx, "", append(args, scope...)...)
		if err != nil {
			out = err.Error()
		}
		tb.Logf("kubectl %s\n%s", strings.Join(args, " "), out)
	}
	logs, _ := filepath.Glob(filepath.Join(c.Dir, "pods", "*", "*", "*", "logs", "*", "*.log"))
	for _, path := range logs {
		content, err := os.ReadFile(path)
		if err == nil {
			tb.Logf("%s\n%s", strings.TrimPrefix(path, c.Dir), content[max(0, len(content)-2000):])
		}
	}
}
