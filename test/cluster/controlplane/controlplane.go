// Package controlplane runs etcd, the API server, the controller manager and
// the scheduler of one Kubernetes version inside this process. Feature gates
// and metrics of Kubernetes are global to a process, so a process can run one
// control plane, once.
package controlplane

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	logsapi "k8s.io/component-base/logs/api/v1"
)

// Addresses of the control plane inside its own network namespace, where
// nothing else listens.
const (
	Port        = 6443             // the API server's, on all addresses
	ServiceCIDR = "10.96.0.0/16"   // cluster IPs of Services
	etcdClient  = "127.0.0.1:2379" // plain HTTP
	etcdPeer    = "127.0.0.1:2380"
)

// stopping bounds how long parts may take to end.
const stopping = 15 * time.Second

// Plane is a running control plane.
type Plane struct {
	// Config reaches the API server as an administrator.
	Config *rest.Config

	cancel   context.CancelFunc
	parts    []part
	stopEtcd func()
	failed   chan error
}

// part is something that runs until its context ends.
type part struct {
	name string
	done chan struct{}
}

// Start runs a control plane whose files are below dir, where an earlier one's
// are taken over, and gives it when the
// API server answers that it is ready and its controllers have made the first
// namespaces and accounts. It fails when ctx ends before that.
func Start(ctx context.Context, dir string) (*Plane, error) {
	// Three components configure one logger; the second and third may not change it.
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &Plane{cancel: cancel, failed: make(chan error, 8)}
	if err := p.start(ctx, running, dir); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

func (p *Plane) start(ctx, running context.Context, dir string) error {
	secrets, err := newSecrets(filepath.Join(dir, "secrets"))
	if err != nil {
		return fmt.Errorf("make keys: %w", err)
	}
	if p.stopEtcd, err = startEtcd(ctx, filepath.Join(dir, "etcd")); err != nil {
		return fmt.Errorf("start etcd: %w", err)
	}
	serve, err := newAPIServer(running, secrets)
	if err != nil {
		return fmt.Errorf("prepare kube-apiserver: %w", err)
	}
	p.run(running, "kube-apiserver", serve)
	authority, err := os.ReadFile(secrets.servingCert)
	if err != nil {
		return fmt.Errorf("read the API server's certificate: %w", err)
	}
	p.Config = &rest.Config{
		Host:            fmt.Sprintf("https://127.0.0.1:%d", Port),
		BearerToken:     secrets.admin,
		TLSClientConfig: rest.TLSClientConfig{CAData: authority},
		QPS:             -1,
	}
	if err := p.await(ctx, "kube-apiserver", p.ready); err != nil {
		return err
	}
	kubeconfig := filepath.Join(dir, "secrets", "kubeconfig")
	if err := WriteKubeconfig(kubeconfig, "admin", p.Config); err != nil {
		return err
	}
	manage, err := newManager(running, kubeconfig, secrets)
	if err != nil {
		return fmt.Errorf("prepare kube-controller-manager: %w", err)
	}
	p.run(running, "kube-controller-manager", manage)
	schedule, err := newScheduler(running, kubeconfig)
	if err != nil {
		return fmt.Errorf("prepare kube-scheduler: %w", err)
	}
	p.run(running, "kube-scheduler", schedule)
	return p.await(ctx, "kube-controller-manager", p.populated)
}

// run starts a part. Its end before the plane's is a failure of the plane.
func (p *Plane) run(ctx context.Context, name string, serve func(context.Context) error) {
	done := make(chan struct{})
	p.parts = append(p.parts, part{name: name, done: done})
	go func() {
		defer close(done)
		if err := serve(ctx); ctx.Err() == nil {
			p.failed <- fmt.Errorf("%s ended: %w", name, err)
		}
	}()
}

// Failed gives the error of a part that ended although nobody stopped it.
func (p *Plane) Failed() <-chan error { return p.failed }

// Stop ends all parts, the API server before the etcd it writes to.
func (p *Plane) Stop() {
	p.cancel()
	if p.stopEtcd != nil {
		defer p.stopEtcd()
	}
	deadline := time.After(stopping)
	for _, part := range p.parts {
		select {
		case <-part.done:
		case <-deadline:
			fmt.Fprintf(os.Stderr, "%s did not stop within %s\n", part.name, stopping)
			return
		}
	}
}

func (p *Plane) await(ctx context.Context, name string, ok func(context.Context, kubernetes.Interface) bool) error {
	client, err := kubernetes.NewForConfig(p.Config)
	if err != nil {
		return err
	}
	err = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		select {
		case err := <-p.failed:
			return false, err
		default:
			return ok(ctx, client), nil
		}
	})
	if err != nil {
		return fmt.Errorf("wait for %s: %w", name, err)
	}
	return nil
}
