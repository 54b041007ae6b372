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

// TestAnotherCluster holds what a cluster is to others and to the machine. Its
// parts share one beside the shared one, because starting one costs two
// processors a while.
func TestAnotherCluster(t *testing.T) {
	t.Parallel()
	first, namespace := kubetest.Shared(t)
	before := interfaces(t)
	second := kubetest.Start(t, kubetest.Options{Nodes: 2, Simulated: 2, NoGateway: true})
	t.Run("apart", func(t *testing.T) { apart(t, first, second, namespace) })
	t.Run("simulated", func(t *testing.T) { simulated(t, second) })
	t.Run("killed", func(t *testing.T) { killed(t, second, before) })
	first.Must(t, "", "get", "--raw", "/readyz")
}

// apart holds that clusters do not know of each other, although they have the
// same addresses.
func apart(t *testing.T, first, second *kubetest.Cluster, namespace string) {
	second.Must(t, "", "create", "namespace", namespace)
	second.Must(t, "", "wait", "--for=create", "-n", namespace, "serviceaccount/default", "--timeout=180s")
	for i, c := range []*kubetest.Cluster{first, second} {
		release := fmt.Sprintf("%d.0.0", i+1)
		image := add(t, c, "registry.test/podinfo:apart", c.Podinfo(release))
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
		nodes := c.Must(t, "", "get", "nodes", "-l", "type!=kwok", "-o", "name")
		if got := strings.Count(nodes, "node/"); got != i+1 {
			t.Errorf("cluster %d has nodes %q", i, nodes)
		}
	}
}

// simulated holds that many pods become available, and are updated, that
// only the API knows.
func simulated(t *testing.T, c *kubetest.Cluster) {
	const pods = 150
	many := func(image string) {
		c.Must(t, fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: many}
spec:
  replicas: %d
  selector: {matchLabels: {app: many}}
  template:
    metadata: {labels: {app: many}}
    spec:
      nodeSelector: {type: kwok}
      tolerations: [{key: kwok.x-k8s.io/node, operator: Exists}]
      containers: [{name: c, image: %q}]
`, pods, image), "apply", "-n", "default", "-f", "-")
		rolledOut(t, c, "default", "many")
		got := c.Must(t, "", "get", "deployment", "many", "-n", "default", "-o", "jsonpath={.status.availableReplicas} {.status.updatedReplicas}")
		if want := fmt.Sprintf("%[1]d %[1]d", pods); got != want {
			t.Errorf("%s pods are available and updated, want %s", got, want)
		}
	}
	many("registry.test/any:1")
	many("registry.test/any:2")
}

// killed holds that nothing of a cluster runs on when it is killed: no process,
// and no interface on the machine's own network.
func killed(t *testing.T, c *kubetest.Cluster, before string) {
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
