package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"fairlead.dev/test/cluster/controlplane"
	"fairlead.dev/test/cluster/gateway"
	"fairlead.dev/test/cluster/network"
	"fairlead.dev/test/cluster/node"
	"fairlead.dev/test/cluster/services"
)

// firstGateway is the number of the address of the first Gateway, above those
// of nodes.
const firstGateway = 200

// cluster is everything that runs inside.
type cluster struct {
	options options
	plane   *plane
	config  *rest.Config // an administrator's
	bridge  *network.Bridge
	cancel  context.CancelFunc
	running sync.WaitGroup
	failed  chan error
}

func (c *cluster) start(ctx context.Context) error {
	starting, cancel := context.WithTimeout(ctx, c.options.timeout)
	defer cancel()
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	var err error
	if c.bridge, err = network.NewBridge(controlplane.ServiceCIDR); err != nil {
		return err
	}
	if c.plane, err = startPlane(starting, c.options.dir); err != nil {
		return err
	}
	c.run("control plane", func() error { return c.plane.keep(running) })
	if c.config, err = clientcmd.BuildConfigFromFlags("", c.kubeconfig()); err != nil {
		return err
	}
	c.config.QPS = -1
	for _, path := range c.options.apply {
		if err := controlplane.Apply(starting, c.config, path); err != nil {
			return err
		}
	}
	if c.options.gateway {
		c.run("gateway", func() error {
			return gateway.Run(running, c.config, c.bridge, func(n int) netip.Addr { return network.NodeAddress(firstGateway + n) })
		})
	}
	return c.join(starting, running)
}

// join starts the nodes and waits until pods can be placed on them.
func (c *cluster) join(starting, running context.Context) error {
	client, err := kubernetes.NewForConfig(c.config)
	if err != nil {
		return err
	}
	for n := range c.options.nodes {
		agent := &node.Agent{
			Name: nodeName(n), Address: network.NodeAddress(n), Bridge: c.bridge, Client: client,
			Images:  node.NewImages(filepath.Join(c.options.dir, imagesFile)),
			Dir:     filepath.Join(c.options.dir, podsDir),
			Backoff: c.options.backoff,
		}
		c.run(agent.Name, func() error { return agent.Run(running) })
	}
	if c.options.nodes > 0 {
		c.run("kube-proxy", func() error { return services.Run(running, c.kubeconfig(), nodeName(0), network.CIDR()) })
	}
	if c.options.simulated > 0 {
		c.run("kwok", func() error { return c.simulate(running, client) })
	}
	return wait.PollUntilContextCancel(starting, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		select {
		case err := <-c.failed:
			return false, err
		default:
		}
		list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		return err == nil && len(list.Items) == c.options.nodes+c.options.simulated && all(list.Items, schedulable), nil
	})
}

func nodeName(n int) string { return fmt.Sprintf("node-%d", n+1) }

// kubeconfig is the administrator's file for clients inside.
func (c *cluster) kubeconfig() string {
	return filepath.Join(c.options.dir, stateDir, "secrets", "kubeconfig")
}

// schedulable reports whether the node is ready and the controllers have taken
// away what keeps pods off a new one.
func schedulable(n v1.Node) bool {
	return all(n.Spec.Taints, func(t v1.Taint) bool { return t.Key == simulatedKey }) &&
		slices.ContainsFunc(n.Status.Conditions, func(c v1.NodeCondition) bool {
			return c.Type == v1.NodeReady && c.Status == v1.ConditionTrue
		})
}

func all[T any](items []T, ok func(T) bool) bool {
	for _, item := range items {
		if !ok(item) {
			return false
		}
	}
	return true
}

// run runs a part of the cluster, whose failure is the cluster's.
func (c *cluster) run(name string, part func() error) {
	c.running.Go(func() {
		if err := part(); err != nil && !errors.Is(err, context.Canceled) {
			c.failed <- fmt.Errorf("%s: %w", name, err)
		}
	})
}

// stop ends the pods, then what they belong to.
func (c *cluster) stop() {
	c.cancel()
	c.running.Wait()
	if c.plane != nil {
		c.plane.stop()
	}
}
