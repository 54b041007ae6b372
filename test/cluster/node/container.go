package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
)

// container is one container of a pod, through all its lives.
type container struct {
	pod   *pod
	spec  *v1.Container
	init  bool
	delay time.Duration // before the next restart
	pulls time.Duration // before the next pull

	// Guarded by the pod's mutex, and posted in its status.
	state, last    v1.ContainerState
	ready, started bool
	restarts       int32
	imageID        string
}

func newContainer(p *pod, spec *v1.Container, init bool) *container {
	c := &container{pod: p, spec: spec, init: init}
	reason := "ContainerCreating"
	if len(p.object.Spec.InitContainers) > 0 {
		reason = "PodInitializing"
	}
	c.state = waiting(reason, "")
	return c
}

// run gives the container its lives, until its restart policy allows no more
// or ctx ends. Then it ends the last one.
func (c *container) run(ctx context.Context) {
	for {
		image, ok := c.pull(ctx)
		if !ok {
			return
		}
		exit, ok := c.live(ctx, image)
		if !ok {
			return
		}
		c.set(func() {
			c.state = v1.ContainerState{Terminated: &exit}
			c.ready, c.started = false, false
		})
		if ctx.Err() != nil || !c.again(exit.ExitCode) || !c.waitRestart(ctx, exit.FinishedAt.Time) {
			return
		}
		c.set(func() { c.restarts++ })
	}
}

func (c *container) again(exitCode int32) bool {
	return c.restartable(c.pod.current(), exitCode)
}

// restartable reports whether the restart policy gives the container another
// life after an end with exitCode.
func (c *container) restartable(object *v1.Pod, exitCode int32) bool {
	if c.init && exitCode == 0 {
		return false
	}
	return podutil.ContainerShouldRestart(*c.spec, object.Spec, exitCode)
}

// succeeded reports whether an init container has done its work.
func (c *container) succeeded() bool {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	return c.state.Terminated != nil && c.state.Terminated.ExitCode == 0
}

// pull finds the container's image, however often it has to try.
func (c *container) pull(ctx context.Context) (Image, bool) {
	for {
		c.event(v1.EventTypeNormal, "Pulling", "Pulling image %q", c.spec.Image)
		began := time.Now()
		image, err := c.pod.agent.Images.Pull(c.spec.Image)
		if err == nil {
			took := time.Since(began).Round(time.Millisecond)
			c.event(v1.EventTypeNormal, "Pulled", "Successfully pulled image %q in %s (%[2]s including waiting)", c.spec.Image, took)
			c.set(func() { c.imageID = repository(c.spec.Image) + "@" + image.Digest })
			return image, true
		}
		c.event(v1.EventTypeWarning, "Failed", "Failed to pull image %q: %v", c.spec.Image, err)
		c.event(v1.EventTypeWarning, "Failed", "Error: ErrImagePull")
		c.set(func() { c.state = waiting("ErrImagePull", err.Error()) })
		// A kubelet looks at the pod again after a moment and then finds that
		// it is to wait.
		if !sleep(ctx, again) {
			return Image{}, false
		}
		message := fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %v", c.spec.Image, err)
		c.event(v1.EventTypeNormal, "BackOff", "Back-off pulling image %q", c.spec.Image)
		c.event(v1.EventTypeWarning, "Failed", "Error: ImagePullBackOff")
		c.set(func() { c.state = waiting("ImagePullBackOff", message) })
		c.pulls = next(c.pulls, c.pod.agent.Backoff)
		if !sleep(ctx, c.pulls) {
			return Image{}, false
		}
	}
}

// prepare makes the container's command. It tries again while what the
// container's environment refers to is missing.
func (c *container) prepare(ctx context.Context, image Image) (command, bool) {
	for {
		made, err := c.command(ctx, image)
		if err == nil {
			c.event(v1.EventTypeNormal, "Created", "Container created")
			return made, true
		}
		c.event(v1.EventTypeWarning, "Failed", "Error: %v", err)
		c.set(func() { c.state = waiting("CreateContainerConfigError", err.Error()) })
		if !sleep(ctx, again) {
			return command{}, false
		}
	}
}

// live runs one life of the container and gives its end. It is not ok when ctx
// ended before the life began.
func (c *container) live(ctx context.Context, image Image) (exit v1.ContainerStateTerminated, ok bool) {
	prepared, ok := c.prepare(ctx, image)
	if !ok {
		return exit, false
	}
	p, err := c.start(prepared)
	if err != nil {
		c.event(v1.EventTypeWarning, "Failed", "Error: %v", err)
		now := metav1.Now()
		return v1.ContainerStateTerminated{
			ExitCode: 128, Reason: "StartError", Message: err.Error(), StartedAt: now, FinishedAt: now,
		}, true
	}
	c.event(v1.EventTypeNormal, "Started", "Container started")
	c.set(func() {
		if c.state.Terminated != nil {
			c.last = c.state
		}
		c.state = v1.ContainerState{Running: &v1.ContainerStateRunning{StartedAt: p.began}}
		c.started = c.spec.StartupProbe == nil
		c.ready = c.started && c.spec.ReadinessProbe == nil
	})
	probing, stop := context.WithCancel(ctx)
	var probes sync.WaitGroup
	probes.Go(func() { c.probe(probing, p) })
	select {
	case <-p.done:
	case k := <-p.kills:
		c.event(v1.EventTypeNormal, "Killing", "%s", k.message)
		p.stop(k.grace, c.pod.dropped)
	case <-ctx.Done():
		c.finish(p)
	}
	stop()
	probes.Wait()
	return c.exit(p), true
}

// finish ends the container's last life as its pod ends: first what the
// container asked for before it stops, then the signals, all within the grace
// period. When the node itself stops there is no grace.
func (c *container) finish(p *process) {
	select {
	case <-c.pod.deleted:
	default:
		p.kill()
		<-p.done
		return
	}
	c.event(v1.EventTypeNormal, "Killing", "Stopping container %s", c.spec.Name)
	deadline := time.Now().Add(c.pod.grace())
	c.preStop(p, deadline)
	// Even a hook that took all the time leaves a moment to end.
	p.stop(max(time.Until(deadline), 2*time.Second), c.pod.dropped)
}

// waitRestart holds the container back after its end: not at all the first
// time, then longer each time.
func (c *container) waitRestart(ctx context.Context, finished time.Time) bool {
	delay := c.delay
	c.delay = next(delay, c.pod.agent.Backoff)
	if delay == 0 {
		return ctx.Err() == nil
	}
	object := c.pod.current()
	name := fmt.Sprintf("%s_%s(%s)", object.Name, object.Namespace, object.UID)
	message := fmt.Sprintf("back-off %s restarting failed container=%s pod=%s", delay, c.spec.Name, name)
	c.event(v1.EventTypeWarning, "BackOff", "Back-off restarting failed container %s in pod %s", c.spec.Name, name)
	c.set(func() { c.last, c.state = c.state, waiting("CrashLoopBackOff", message) })
	return sleep(ctx, time.Until(finished.Add(delay)))
}

// next is the delay after one of delay: it doubles, up to thirty times the first.
func next(delay, first time.Duration) time.Duration {
	return max(first, min(2*delay, 30*first))
}

// event records what happened to the container, in the kubelet's words.
func (c *container) event(kind, reason, format string, args ...any) {
	field := "containers"
	if c.init {
		field = "initContainers"
	}
	reference := reference(c.pod.current(), fmt.Sprintf("spec.%s{%s}", field, c.spec.Name))
	c.pod.agent.recorder.Eventf(reference, kind, reason, format, args...)
}

func (c *container) set(change func()) {
	c.pod.mu.Lock()
	change()
	c.pod.mu.Unlock()
	c.pod.changed()
}

func waiting(reason, message string) v1.ContainerState {
	return v1.ContainerState{Waiting: &v1.ContainerStateWaiting{Reason: reason, Message: message}}
}
