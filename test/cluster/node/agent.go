// Package node runs the pods of a node as processes of this machine: each pod
// in a network namespace of its own with an address that every other pod
// reaches, each container as the program that its image's name stands for. It
// reports to the API server what a kubelet would, in the kubelet's words.
//
// What it does not have: file systems of containers (a pod with volumes other
// than its account's token stays in ContainerCreating and says so), limits on
// processor time, DNS, and user ids other than root.
package node

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	"fairlead.dev/test/cluster/network"
)

// Agent is what makes this machine one node of a cluster.
type Agent struct {
	// Name is the node's.
	Name string
	// Address is the node's own on Bridge.
	Address netip.Addr
	Bridge  *network.Bridge
	Images  *Images
	Client  kubernetes.Interface
	// Dir is where pods' output and working directories are.
	Dir string
	// Backoff is the time before the second restart of a container and the
	// second pull of an image. It doubles each time, up to thirty times as long.
	Backoff time.Duration

	recorder record.EventRecorder
	mu       sync.Mutex
	pods     map[types.UID]*pod
	running  sync.WaitGroup
}

// Run registers the node and runs its pods until ctx ends, then kills them.
// Their objects stay, as they do when a node loses power.
func (a *Agent) Run(ctx context.Context) error {
	a.pods = map[types.UID]*pod{}
	if err := a.Bridge.AddAddress(a.Address); err != nil {
		return err
	}
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&typedv1.EventSinkImpl{Interface: a.Client.CoreV1().Events("")})
	a.recorder = broadcaster.NewRecorder(scheme.Scheme, v1.EventSource{Component: "kubelet", Host: a.Name})
	if err := a.register(ctx); err != nil {
		return fmt.Errorf("register node %s: %w", a.Name, err)
	}
	if err := a.serveLogs(ctx); err != nil {
		return fmt.Errorf("serve logs of node %s: %w", a.Name, err)
	}
	mine := informers.WithTweakListOptions(func(o *listOptions) {
		o.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", a.Name).String()
	})
	factory := informers.NewSharedInformerFactoryWithOptions(a.Client, 0, mine)
	_, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { a.update(ctx, o.(*v1.Pod)) },
		UpdateFunc: func(_, o any) { a.update(ctx, o.(*v1.Pod)) },
		DeleteFunc: func(o any) { a.remove(o) },
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	a.heartbeat(ctx)
	factory.Shutdown()
	a.running.Wait()
	return nil
}

// update starts a pod that is new here, and tells a known one its new state.
func (a *Agent) update(ctx context.Context, object *v1.Pod) {
	a.mu.Lock()
	defer a.mu.Unlock()
	known, ok := a.pods[object.UID]
	if !ok {
		if object.Status.Phase == v1.PodSucceeded || object.Status.Phase == v1.PodFailed {
			return
		}
		known = newPod(a, object)
		a.pods[object.UID] = known
		a.running.Go(func() {
			known.run(ctx)
			a.mu.Lock()
			defer a.mu.Unlock()
			delete(a.pods, object.UID)
		})
	}
	known.update(object)
}

// remove kills a pod whose object is gone: it was deleted by force.
func (a *Agent) remove(object any) {
	if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = tombstone.Obj
	}
	gone, ok := object.(*v1.Pod)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if known, ok := a.pods[gone.UID]; ok {
		known.forget()
	}
}

// podDir is where a pod's files are: output below logs, working directories
// below work.
func (a *Agent) podDir(object *v1.Pod) string {
	return filepath.Join(a.Dir, object.Namespace, object.Name, string(object.UID))
}

// workDir is where the containers of a pod find themselves, one directory each.
func (a *Agent) workDir(object *v1.Pod) string { return filepath.Join(a.podDir(object), "work") }

// logFile makes and opens the file of the output of a container's life number
// restart.
func (a *Agent) logFile(object *v1.Pod, container string, restart int32) (*os.File, error) {
	path := a.logPath(object, container, restart)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.Create(path)
}

func (a *Agent) logPath(object *v1.Pod, container string, restart int32) string {
	return filepath.Join(a.podDir(object), "logs", container, fmt.Sprintf("%d.log", restart))
}
