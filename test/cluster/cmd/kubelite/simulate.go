package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// simulatedKey is the annotation of nodes that are simulated, and their taint.
const simulatedKey = "kwok.x-k8s.io/node"

// simulate adds nodes on which pods only seem to run, and runs the program that
// gives those pods their status, kwok, until ctx ends.
func (c *cluster) simulate(ctx context.Context, client kubernetes.Interface) error {
	for n := range c.options.simulated {
		name := fmt.Sprintf("simulated-%d", n+1)
		capacity := v1.ResourceList{
			v1.ResourceCPU: resource.MustParse("64"), v1.ResourceMemory: resource.MustParse("256Gi"), v1.ResourcePods: resource.MustParse("1000"),
		}
		node := &v1.Node{
			ObjectMeta: metav1.ObjectMeta{
				Name:        name,
				Annotations: map[string]string{simulatedKey: "fake"},
				Labels:      map[string]string{"type": "kwok", v1.LabelHostname: name, v1.LabelOSStable: "linux"},
			},
			Spec:   v1.NodeSpec{Taints: []v1.Taint{{Key: simulatedKey, Value: "fake", Effect: v1.TaintEffectNoSchedule}}},
			Status: v1.NodeStatus{Capacity: capacity, Allocatable: capacity},
		}
		if _, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	bin := filepath.Dir(self)
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "kwok"),
		"--kubeconfig", c.kubeconfig(),
		"--config", filepath.Join(bin, "kwok.yaml"),
		"--manage-nodes-with-annotation-selector", simulatedKey+"=fake",
		"--node-lease-duration-seconds", "40",
		"--cidr", "10.245.0.0/16",
		"--server-address", "127.0.0.1:10247",
	)
	cmd.Dir, cmd.Stdout, cmd.Stderr = c.options.dir, os.Stderr, os.Stderr
	cmd.Env = append(os.Environ(), "HOME="+c.options.dir)
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(syscall.SIGTERM) }, 5*time.Second
	if err := cmd.Run(); ctx.Err() == nil {
		return fmt.Errorf("kwok ended: %w", err)
	}
	return nil
}
