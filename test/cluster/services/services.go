// Package services makes cluster IPs work: it runs Kubernetes' own kube-proxy,
// which keeps the kernel's packet filter in step with Services and
// EndpointSlices.
package services

import (
	"context"
	"errors"
	"fmt"
	"os/exec"

	"github.com/spf13/pflag"
	"k8s.io/kubernetes/cmd/kube-proxy/app"
)

// ErrNoPacketFilter is given when the packet filter's program is missing.
var ErrNoPacketFilter = errors.New("nft is not installed: apt-get install nftables conntrack")

// Run keeps Services reachable in this network namespace until ctx ends: as the
// node of that name, whose pods are on the bridge.
func Run(ctx context.Context, kubeconfig, node, podCIDR string) error {
	if _, err := exec.LookPath("nft"); err != nil {
		return ErrNoPacketFilter
	}
	opts := app.NewOptions()
	flags := pflag.NewFlagSet("kube-proxy", pflag.ContinueOnError)
	opts.AddFlags(flags)
	err := flags.Parse([]string{
		"--kubeconfig=" + kubeconfig,
		"--hostname-override=" + node,
		"--cluster-cidr=" + podCIDR,
		"--proxy-mode=nftables",
		"--iptables-min-sync-period=50ms",
		// A namespace may not change the kernel's own limits.
		"--conntrack-max-per-core=0",
		"--conntrack-tcp-timeout-established=0",
		"--conntrack-tcp-timeout-close-wait=0",
		"--oom-score-adj=0",
	})
	if err != nil {
		return err
	}
	if err := opts.Complete(flags); err != nil {
		return fmt.Errorf("configure kube-proxy: %w", err)
	}
	if err := opts.Validate(); err != nil {
		return fmt.Errorf("configure kube-proxy: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- opts.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done(): // kube-proxy itself never returns
		return nil
	}
}
