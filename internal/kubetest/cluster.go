// Package kubetest starts throw-away Kubernetes clusters for tests: a real API
// server with its controllers and scheduler, nodes that run pods as processes,
// Services and a Gateway API that move real traffic, all in namespaces of their
// own. `make cluster` builds what it runs.
package kubetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	// Off is the environment variable that, set to "off", lets tests that need
	// Kubernetes be skipped.
	Off = "FAIRLEAD_TEST_KUBERNETES"

	startup  = 8 * time.Minute // generous: it takes seconds on an idle machine
	shutdown = 40 * time.Second
)

// ErrMissing is wrapped by what Launch gives when the cluster is not built or
// may not run here.
var ErrMissing = errors.New("no Kubernetes to test with")

// Options say what a cluster has.
type Options struct {
	// Nodes is how many nodes run pods, 1 by default; -1 for none.
	Nodes int
	// Simulated is how many nodes only simulate pods, for many pods at once and
	// for what happens at the API: no traffic reaches them. A pod gets there by
	// the node selector type=kwok and by tolerating kwok.x-k8s.io/node.
	Simulated int
	// NoGateway leaves out the Gateway API, whose class is named "test".
	NoGateway bool
	// Backoff is the time before a container's second restart and an image's
	// second pull, doubled each time. A kubelet's is 10 s, here it is 1 s.
	Backoff time.Duration
	// Apply names YAML files of objects that are there from the beginning.
	Apply []string
}

// Cluster is a running cluster.
type Cluster struct {
	// Dir holds the cluster's files: its log, kubelite.log, and below pods the
	// output of every container, NAMESPACE/POD/UID/logs/CONTAINER/RESTART.log.
	Dir string
	// Kubeconfig is an administrator's, for the processes of this machine.
	Kubeconfig string

	bin    string
	pid    int
	cmd    *exec.Cmd
	life   io.Closer // the cluster ends when this is closed, by Stop or by the end of this process
	output bytes.Buffer
	images images
}

// Launch starts a cluster whose files are below dir. It ends with Stop, or
// with this process however that ends.
func Launch(dir string, o Options) (*Cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: clusters make network namespaces, which needs root", ErrMissing)
	}
	c := &Cluster{Dir: dir, Kubeconfig: filepath.Join(dir, "kubeconfig"), bin: bin}
	c.images.path = filepath.Join(dir, "images.json")
	//nolint:noctx // it ends by Stop, or with this process
	c.cmd = exec.Command(filepath.Join(bin, "kubelite"), c.arguments(o)...)
	c.cmd.Stderr = &c.output
	life, err := c.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	c.life = life
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "ready") {
		life.Close()
		_ = c.cmd.Wait()
		return nil, fmt.Errorf("start a cluster: %s", c.output.String())
	}
	content, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err == nil {
		c.pid, err = strconv.Atoi(string(content))
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) arguments(o Options) []string {
	nodes, backoff := o.Nodes, o.Backoff
	if nodes == 0 {
		nodes = 1
	}
	if backoff == 0 {
		backoff = time.Second
	}
	args := []string{
		"serve", "--until-eof", "--dir", c.Dir, "--timeout", startup.String(),
		"--nodes", strconv.Itoa(max(nodes, 0)), "--backoff", backoff.String(),
		"--simulated", strconv.Itoa(o.Simulated),
	}
	if !o.NoGateway {
		args = append(args, "--gateway", "--apply", filepath.Join(c.bin, "gateway-api.yaml"))
	}
	for _, path := range o.Apply {
		args = append(args, "--apply", path)
	}
	return args
}

// Stop ends the cluster and waits until nothing of it runs.
func (c *Cluster) Stop() {
	c.life.Close()
	timer := time.AfterFunc(shutdown, func() { _ = c.cmd.Process.Kill() })
	defer timer.Stop()
	_ = c.cmd.Wait()
}

// binaries finds the directory that `make cluster` fills: tests run in their
// package's directory, below the module's.
func binaries() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%w: this is not below a module", ErrMissing)
		}
		dir = filepath.Dir(dir)
	}
	bin := filepath.Join(dir, "bin", "cluster")
	if _, err := os.Stat(filepath.Join(bin, ".built")); err != nil {
		return "", fmt.Errorf("%w: %s is not built: run make cluster", ErrMissing, bin)
	}
	return bin, nil
}

// Kubectl runs kubectl as the cluster's administrator and gives its standard
// output.
func (c *Cluster) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "kubectl"), args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig, "HOME="+c.Dir)
	cmd.Stdin = strings.NewReader(stdin)
	var failure bytes.Buffer
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, failure.String())
	}
	return string(out), nil
}
