package node

import (
	"context"
	"fmt"
	"strings"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
)

// changed lets the status be posted again.
func (p *pod) changed() {
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

// report posts the status whenever it has changed, until ctx ends.
func (p *pod) report(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.dirty:
		}
		if err := p.post(ctx); err != nil && !apierrors.IsNotFound(err) && ctx.Err() == nil {
			sleep(ctx, again)
			p.changed()
		}
	}
}

// post writes the status to the pod's object. The status is the node's alone,
// but for conditions that others keep in it.
func (p *pod) post(ctx context.Context) error {
	object := p.current()
	pods := p.agent.Client.CoreV1().Pods(object.Namespace)
	for {
		posted := object.DeepCopy()
		p.fill(posted)
		updated, err := pods.UpdateStatus(ctx, posted, metav1.UpdateOptions{})
		if err == nil {
			p.mu.Lock()
			// The watch may have brought a newer one already.
			if p.object.ResourceVersion == object.ResourceVersion {
				p.object = updated
			}
			p.mu.Unlock()
			return nil
		}
		if !apierrors.IsConflict(err) {
			return err
		}
		fresh, err := pods.Get(ctx, object.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if fresh.UID != object.UID {
			return apierrors.NewNotFound(v1.Resource("pods"), object.Name)
		}
		object = fresh
	}
}

// fill writes what is known into object's status.
func (p *pod) fill(object *v1.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	status := &object.Status
	status.ObservedGeneration = podutil.CalculatePodStatusObservedGeneration(object)
	status.StartTime = &p.began
	status.HostIP = p.agent.Address.String()
	status.HostIPs = []v1.HostIP{{IP: status.HostIP}}
	if p.network != nil {
		status.PodIP = p.network.Address.String()
		status.PodIPs = []v1.PodIP{{IP: status.PodIP}}
	}
	status.InitContainerStatuses, status.ContainerStatuses = nil, nil
	for _, c := range p.inits {
		status.InitContainerStatuses = append(status.InitContainerStatuses, c.status())
	}
	for _, c := range p.containers {
		status.ContainerStatuses = append(status.ContainerStatuses, c.status())
	}
	status.Phase = p.phase()
	p.conditions(object)
}

// status describes the container. The pod's mutex is held.
func (c *container) status() v1.ContainerStatus {
	started := c.started
	status := v1.ContainerStatus{
		Name: c.spec.Name, Image: c.spec.Image, ImageID: c.imageID,
		State: *c.state.DeepCopy(), LastTerminationState: *c.last.DeepCopy(),
		Ready: c.ready, Started: &started, RestartCount: c.restarts,
	}
	if c.init {
		status.Ready = c.state.Terminated != nil && c.state.Terminated.ExitCode == 0
	}
	if c.imageID != "" && (c.state.Running != nil || c.state.Terminated != nil || c.last.Terminated != nil) {
		status.ContainerID = fmt.Sprintf("process://%s/%s/%d", c.pod.object.UID, c.spec.Name, c.restarts)
	}
	return status
}

// phase sums up the containers. The pod's mutex is held.
func (p *pod) phase() v1.PodPhase {
	for _, c := range p.inits {
		if over, ok := c.over(); over && !ok {
			return v1.PodFailed
		} else if !over {
			return v1.PodPending
		}
	}
	finished, failed, begun := 0, 0, false
	for _, c := range p.containers {
		over, ok := c.over()
		if over {
			finished++
		}
		if over && !ok {
			failed++
		}
		begun = begun || c.state.Running != nil || c.state.Terminated != nil || c.last.Terminated != nil
	}
	switch {
	case finished == len(p.containers) && failed > 0:
		return v1.PodFailed
	case finished == len(p.containers):
		return v1.PodSucceeded
	case begun:
		return v1.PodRunning
	}
	return v1.PodPending
}

// over reports whether the container has ended for good, and well. The pod's
// mutex is held.
func (c *container) over() (over, ok bool) {
	end := c.state.Terminated
	if end == nil {
		return false, false
	}
	ended := isClosed(c.pod.deleted) || !c.restartable(c.pod.object, end.ExitCode)
	return ended, end.ExitCode == 0
}

// conditions writes the pod's conditions. The pod's mutex is held.
func (p *pod) conditions(object *v1.Pod) {
	initialized, unready := v1.ConditionTrue, []string(nil)
	for _, c := range p.inits {
		if over, ok := c.over(); !over || !ok {
			initialized = v1.ConditionFalse
		}
	}
	for _, c := range p.containers {
		if !c.ready {
			unready = append(unready, c.spec.Name)
		}
	}
	attached := v1.ConditionFalse
	if p.network != nil {
		attached = v1.ConditionTrue
	}
	condition(object, v1.PodReadyToStartContainers, attached, "", "")
	condition(object, v1.PodInitialized, initialized, "", "")
	ready, reason, message := v1.ConditionTrue, "", ""
	switch phase := object.Status.Phase; {
	case phase == v1.PodSucceeded:
		ready, reason = v1.ConditionFalse, "PodCompleted"
	case phase == v1.PodFailed:
		ready, reason = v1.ConditionFalse, "PodFailed"
	case len(unready) > 0:
		ready, reason = v1.ConditionFalse, "ContainersNotReady"
		message = fmt.Sprintf("containers with unready status: [%s]", strings.Join(unready, " "))
	}
	condition(object, v1.ContainersReady, ready, reason, message)
	for _, gate := range object.Spec.ReadinessGates {
		_, found := podutil.GetPodCondition(&object.Status, gate.ConditionType)
		if ready == v1.ConditionTrue && (found == nil || found.Status != v1.ConditionTrue) {
			ready, reason = v1.ConditionFalse, "ReadinessGatesNotReady"
			message = fmt.Sprintf("the status of pod readiness gate %q is not \"True\"", gate.ConditionType)
		}
	}
	condition(object, v1.PodReady, ready, reason, message)
}

func condition(object *v1.Pod, kind v1.PodConditionType, status v1.ConditionStatus, reason, message string) {
	podutil.UpdatePodCondition(&object.Status, &v1.PodCondition{
		Type: kind, Status: status, Reason: reason, Message: message,
		ObservedGeneration: podutil.CalculatePodConditionObservedGeneration(&object.Status, object.Generation, kind),
	})
}

func reference(object *v1.Pod, path string) *v1.ObjectReference {
	return &v1.ObjectReference{
		Kind: "Pod", APIVersion: "v1", Namespace: object.Namespace, Name: object.Name,
		UID: object.UID, ResourceVersion: object.ResourceVersion, FieldPath: path,
	}
}

func isClosed(closed <-chan struct{}) bool {
	select {
	case <-closed:
		return true
	default:
		return false
	}
}
