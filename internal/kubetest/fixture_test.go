package kubetest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"fairlead.dev/internal/kubetest"
)

// patience is how long tests wait for what they expect. It bounds a failure.
const patience = 3 * time.Minute

func TestMain(m *testing.M) {
	code := m.Run()
	kubetest.StopShared()
	os.Exit(code)
}

// eventually waits until f gives no error, and fails with the last one.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s: %v", patience, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// add puts an image where the cluster finds it.
func add(t *testing.T, c *kubetest.Cluster, reference string, image kubetest.Image) string {
	t.Helper()
	pinned, err := c.Add(reference, image)
	if err != nil {
		t.Fatal(err)
	}
	return pinned
}

// podinfo is a Deployment of podinfo and its Service, both of that name.
func podinfo(name, image string, replicas int) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s}
spec:
  replicas: %[3]d
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - name: podinfo
        image: %[2]s
        command: [./podinfo, --port=9898]
        ports: [{name: http, containerPort: 9898}]
        readinessProbe:
          httpGet: {path: /readyz, port: http}
          periodSeconds: 1
        lifecycle: {preStop: {sleep: {seconds: 2}}}
---
apiVersion: v1
kind: Service
metadata: {name: %[1]s}
spec:
  selector: {app: %[1]s}
  ports: [{name: http, port: 80, targetPort: http}]
`, name, image, replicas)
}

// get asks for a page and gives status and body.
func get(ctx context.Context, client *http.Client, url string, header ...string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// version asks a podinfo which one it is.
func version(client *http.Client, address string, header ...string) (string, error) {
	status, body, err := get(context.Background(), client, "http://"+address+"/version", header...)
	if err != nil {
		return "", err
	}
	var answer struct{ Version string }
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return "", fmt.Errorf("%d %s", status, body)
	}
	return answer.Version, nil
}

// clusterIP is the address of a Service.
func clusterIP(t *testing.T, c *kubetest.Cluster, namespace, name string) string {
	t.Helper()
	return c.Must(t, "", "get", "service", name, "-n", namespace, "-o", "jsonpath={.spec.clusterIP}")
}

// rolledOut waits until a Deployment is what it is to be.
func rolledOut(t *testing.T, c *kubetest.Cluster, namespace, name string) {
	t.Helper()
	c.Must(t, "", "rollout", "status", "-n", namespace, "deployment/"+name, "--timeout="+patience.String())
}

// shows waits until kubectl's answer holds all the words.
func shows(t *testing.T, c *kubetest.Cluster, words []string, args ...string) {
	t.Helper()
	eventually(t, func() error {
		out, err := c.Kubectl(context.Background(), "", args...)
		if err != nil {
			return err
		}
		for _, word := range words {
			if !strings.Contains(out, word) {
				return fmt.Errorf("kubectl %s: no %q in\n%s", strings.Join(args, " "), word, out)
			}
		}
		return nil
	})
}
