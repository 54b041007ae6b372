package kubetest_test

import (
	"fmt"
	"testing"

	"fairlead.dev/internal/kubetest"
)

// trouble is a pod that does not get well, and the words by which a cluster
// says so: in the pod, and in its events.
type trouble struct {
	name   string
	spec   string // of the pod
	pod    []string
	events []string
}

func troubles(image string) []trouble {
	container := func(more string) string {
		return fmt.Sprintf("containers: [{name: c, image: %q%s}]", image, more)
	}
	return []trouble{
		{
			name:   "crashes",
			spec:   container(`, command: [/bin/sh, -c, "echo last words; exit 3"], terminationMessagePolicy: FallbackToLogsOnError`),
			pod:    []string{`"reason": "CrashLoopBackOff"`, `"exitCode": 3`, `"reason": "Error"`, `"message": "last words"`, `"restartCount": 2`},
			events: []string{"Back-off restarting failed container c"},
		},
		{
			name:   "eats",
			spec:   container(`, command: [./podinfo, --stress-memory=300], resources: {limits: {memory: 100Mi}}`),
			pod:    []string{`"reason": "OOMKilled"`, `"exitCode": 137`},
			events: []string{"Back-off restarting failed container c"},
		},
		{
			name:   "no-image",
			spec:   `containers: [{name: c, image: "registry.test/nothing:1"}]`,
			pod:    []string{`"reason": "ImagePullBackOff"`, `registry.test/nothing:1`},
			events: []string{"ErrImagePull", `Failed to pull image "registry.test/nothing:1"`, "not found"},
		},
		{
			name:   "not-ready",
			spec:   container(`, args: [--port=9898, --unready], readinessProbe: {periodSeconds: 1, httpGet: {port: 9898, path: /readyz}}`),
			pod:    []string{`"ready": false`, `"reason": "ContainersNotReady"`, `"phase": "Running"`},
			events: []string{"Readiness probe failed: HTTP probe failed with statuscode: 503"},
		},
		{
			name:   "not-alive",
			spec:   container(`, args: [--port=9898, --unhealthy], livenessProbe: {periodSeconds: 1, failureThreshold: 2, httpGet: {port: 9898, path: /healthz}}`),
			pod:    []string{`"restartCount": 1`},
			events: []string{"Liveness probe failed: HTTP probe failed with statuscode: 503", "Container c failed liveness probe, will be restarted"},
		},
		{
			name:   "not-started",
			spec:   container(`, startupProbe: {periodSeconds: 1, failureThreshold: 2, tcpSocket: {port: 1}}`),
			pod:    []string{`"restartCount": 1`, `"started": false`},
			events: []string{"Startup probe failed", "connection refused"},
		},
		{
			name:   "exec-fails",
			spec:   container(`, readinessProbe: {periodSeconds: 1, exec: {command: [sh, -c, "echo no; exit 1"]}}`),
			pod:    []string{`"ready": false`},
			events: []string{"Readiness probe failed", "no"},
		},
		{
			name:   "no-program",
			spec:   container(`, command: [/no/such/program]`),
			pod:    []string{`"reason": "StartError"`, `"exitCode": 128`},
			events: []string{"no such file or directory"},
		},
		{
			name:   "no-config",
			spec:   container(`, env: [{name: A, valueFrom: {configMapKeyRef: {name: absent, key: a}}}]`),
			pod:    []string{`"reason": "CreateContainerConfigError"`, `configmaps \"absent\" not found`},
			events: []string{"absent"},
		},
		{
			name:   "no-room",
			spec:   container(`, resources: {requests: {cpu: "1000"}}`),
			pod:    []string{`"reason": "Unschedulable"`, "Insufficient cpu"},
			events: []string{"FailedScheduling"},
		},
		{
			name:   "volume",
			spec:   container("") + "\n  volumes: [{name: v, emptyDir: {}}]",
			pod:    []string{`"reason": "ContainerCreating"`},
			events: []string{"FailedMount"},
		},
	}
}

// TestTrouble holds that a pod that does not get well says why, as it would on
// any cluster.
func TestTrouble(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Shared(t)
	image := add(t, c, "registry.test/podinfo:2.0.0", c.Podinfo("2.0.0"))
	for _, trouble := range troubles(image) {
		t.Run(trouble.name, func(t *testing.T) {
			t.Parallel() // each waits for its pod most of the time
			pod := fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec:\n  %s\n", trouble.name, trouble.spec)
			c.Must(t, pod, "apply", "-n", namespace, "-f", "-")
			shows(t, c, trouble.pod, "get", "pod", "-n", namespace, trouble.name, "-o", "json")
			shows(t, c, trouble.events, "get", "events", "-n", namespace, "--field-selector=involvedObject.name="+trouble.name)
			c.Must(t, "", "delete", "pod", "-n", namespace, trouble.name, "--grace-period=1", "--wait=false")
		})
	}
}

// TestQuota holds that a Deployment which its namespace's quota does not allow
// says so.
func TestQuota(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Shared(t)
	image := add(t, c, "registry.test/podinfo:1.0.0", c.Podinfo("1.0.0"))
	c.Must(t, "", "create", "quota", "small", "-n", namespace, "--hard=pods=1")
	shows(t, c, []string{`"used":{"pods":"0"}`}, "get", "quota", "small", "-n", namespace, "-o", "jsonpath={.status}")
	c.Must(t, podinfo("web", image, 2), "apply", "-n", namespace, "-f", "-")
	shows(t, c, []string{"exceeded quota: small"}, "get", "events", "-n", namespace)
	shows(t, c, []string{`"reason":"FailedCreate"`}, "get", "deployment", "web", "-n", namespace, "-o", "jsonpath={.status.conditions}")
}

// TestCompletion holds that a pod which is to run once does, its init container
// first, with what its environment is made of.
func TestCompletion(t *testing.T) {
	t.Parallel()
	c, namespace := kubetest.Shared(t)
	image := add(t, c, "registry.test/podinfo:1.0.0", c.Podinfo("1.0.0"))
	c.Must(t, "", "create", "configmap", "settings", "-n", namespace, "--from-literal=COLOR=blue")
	c.Must(t, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: once, labels: {app: once}}
spec:
  restartPolicy: Never
  initContainers: [{name: first, image: %[1]q, command: [sh, -c, "echo before"]}]
  containers:
  - name: main
    image: %[1]q
    command: [sh, -c, 'echo "$COLOR $NAME $(GREETING) $ADDRESS"']
    envFrom: [{configMapRef: {name: settings}}]
    env:
    - {name: GREETING, value: "hello $(COLOR)"}
    - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: ADDRESS, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
`, image), "apply", "-n", namespace, "-f", "-")
	shows(t, c, []string{"Succeeded"}, "get", "pod", "once", "-n", namespace, "-o", "jsonpath={.status.phase}")
	shows(t, c, []string{"blue once hello blue 10.244."}, "logs", "once", "-n", namespace)
	shows(t, c, []string{"before"}, "logs", "once", "-c", "first", "-n", namespace)
}
