package node

import (
	"context"
	"os"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"fairlead.dev/test/cluster/network"
)

// again is the time between attempts at what failed for an outer reason.
const again = time.Second

// pod is one pod of this node, from its binding to its end.
type pod struct {
	agent      *Agent
	inits      []*container
	containers []*container
	began      metav1.Time

	deleted  chan struct{} // closed when the pod is to end
	dropped  chan struct{} // closed when it is to end without grace
	dirty    chan struct{} // holds one element when the status changed
	endOnce  sync.Once
	dropOnce sync.Once

	mu      sync.Mutex
	object  *v1.Pod
	network *network.Pod
}

func newPod(a *Agent, object *v1.Pod) *pod {
	p := &pod{
		agent: a, object: object, began: metav1.Now(),
		deleted: make(chan struct{}), dropped: make(chan struct{}), dirty: make(chan struct{}, 1),
	}
	for i := range object.Spec.InitContainers {
		p.inits = append(p.inits, newContainer(p, &object.Spec.InitContainers[i], true))
	}
	for i := range object.Spec.Containers {
		p.containers = append(p.containers, newContainer(p, &object.Spec.Containers[i], false))
	}
	return p
}

// update takes the newest state of the pod's object.
func (p *pod) update(object *v1.Pod) {
	p.mu.Lock()
	p.object = object
	p.mu.Unlock()
	if object.DeletionTimestamp != nil {
		p.endOnce.Do(func() { close(p.deleted) })
	}
}

// forget ends the pod at once: nobody wants to know how.
func (p *pod) forget() {
	p.endOnce.Do(func() { close(p.deleted) })
	p.dropOnce.Do(func() { close(p.dropped) })
}

func (p *pod) current() *v1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.object
}

// run runs the pod until it has ended and its object is gone, or ctx ends.
func (p *pod) run(ctx context.Context) {
	alive, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-p.deleted:
			cancel()
		case <-alive.Done():
		}
	}()
	var reporter sync.WaitGroup
	reporting, stopReporting := context.WithCancel(ctx)
	defer reporter.Wait()
	defer stopReporting()
	reporter.Go(func() { p.report(reporting) })
	p.changed()

	p.live(alive)
	p.changed()
	// The pod has ended by itself, or was told to: its object shows the end
	// until somebody deletes it.
	select {
	case <-p.deleted:
	case <-ctx.Done():
		return
	}
	stopReporting()
	reporter.Wait()
	p.bury(ctx)
}

// live takes the pod from its network to the end of its last container.
func (p *pod) live(ctx context.Context) {
	if !p.volumes(ctx) || !p.attach(ctx) {
		return
	}
	defer p.detach()
	for _, c := range p.inits {
		c.run(ctx)
		if ctx.Err() != nil || !c.succeeded() {
			return
		}
	}
	var all sync.WaitGroup
	for _, c := range p.containers {
		all.Go(func() { c.run(ctx) })
	}
	all.Wait()
}

// attach connects the pod's network, however often it has to try.
func (p *pod) attach(ctx context.Context) bool {
	for {
		attached, err := p.agent.Bridge.Attach()
		if err == nil {
			p.mu.Lock()
			p.network = attached
			p.mu.Unlock()
			p.changed()
			return true
		}
		p.event(v1.EventTypeWarning, "FailedCreatePodSandBox", "Failed to create pod sandbox: %v", err)
		if !sleep(ctx, again) {
			return false
		}
	}
}

func (p *pod) detach() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.network.Detach()
}

// address is the pod's, empty as long as it has none.
func (p *pod) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.network == nil {
		return ""
	}
	return p.network.Address.String()
}

// volumes reports whether the pod can have its volumes. A pod that cannot stays
// as it is, as one does whose volume cannot be mounted.
func (p *pod) volumes(ctx context.Context) bool {
	for _, volume := range p.current().Spec.Volumes {
		// Its account's token, which admission adds to every pod.
		if volume.Projected != nil && strings.HasPrefix(volume.Name, "kube-api-access-") {
			continue
		}
		p.event(v1.EventTypeWarning, "FailedMount",
			"MountVolume.SetUp failed for volume %q : this node runs processes, which have no volumes", volume.Name)
		<-ctx.Done()
		return false
	}
	return true
}

// grace is how long the pod's processes may take to end.
func (p *pod) grace() time.Duration {
	object := p.current()
	seconds := ptr.Deref(object.Spec.TerminationGracePeriodSeconds, v1.DefaultTerminationGracePeriodSeconds)
	if object.DeletionTimestamp != nil {
		seconds = ptr.Deref(object.DeletionGracePeriodSeconds, seconds)
	}
	return time.Duration(seconds) * time.Second
}

// bury says how the pod ended and lets its object go.
func (p *pod) bury(ctx context.Context) {
	object := p.current()
	_ = os.RemoveAll(p.agent.workDir(object))
	for {
		if err := p.post(ctx); apierrors.IsNotFound(err) {
			return
		}
		err := p.agent.Client.CoreV1().Pods(object.Namespace).Delete(ctx, object.Name, metav1.DeleteOptions{
			GracePeriodSeconds: ptr.To[int64](0),
			Preconditions:      &metav1.Preconditions{UID: &object.UID},
		})
		if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) || !sleep(ctx, again) {
			return
		}
	}
}

func (p *pod) event(kind, reason, format string, args ...any) {
	p.agent.recorder.Eventf(p.current(), kind, reason, format, args...)
}

// sleep waits, and reports whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
