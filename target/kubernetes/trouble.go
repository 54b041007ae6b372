package kubernetes

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fairlead.dev"
)

// trouble says in one problem why a release is not ready: the most telling one
// of what its Deployment and its pods show. Nil when nothing is known.
func (w *watch) trouble(ctx context.Context, release fairlead.Digest, at workload) *fairlead.Fault {
	o := w.scene.copies[tag(release)]
	if !at.copy {
		o = w.scene.home
	}
	var worst *fairlead.Fault
	rank := 0
	for _, p := range w.scene.podsOf(tag(release), at.copy) {
		if p.ready() {
			continue
		}
		if f, n := w.podTrouble(ctx, p); f != nil && n > rank {
			worst, rank = f, n
		}
	}
	if worst != nil {
		return worst
	}
	return refusedPods(o)
}

// refusedPods says why a Deployment cannot make its pods.
func refusedPods(o *unstructured.Unstructured) *fairlead.Fault {
	if o == nil {
		return nil
	}
	if paused(o) {
		return &fairlead.Fault{
			Op: "start pods", Kind: fairlead.KindInvalid, Cause: "Deployment " + o.GetName() + " is paused, so it makes no pods",
			Hint: "leave spec.paused out of the manifests, or kubectl rollout resume deployment " + o.GetName(),
		}
	}
	conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, c := range conditions {
		condition, _ := c.(map[string]any)
		if condition["type"] != "ReplicaFailure" || condition["status"] != "True" {
			continue
		}
		text, _ := condition["message"].(string)
		f := fairlead.Fault{Op: "start pods", Kind: fairlead.KindUnavailable, Cause: text, Hint: "kubectl describe deployment " + o.GetName()}
		switch {
		case strings.Contains(text, "exceeded quota"):
			f.Hint = "raise the quota of the namespace or ask for less"
		case strings.Contains(text, "admission webhook") || strings.Contains(text, "violates PodSecurity") || strings.Contains(text, "forbidden"):
			f.Kind, f.Hint = fairlead.KindDenied, "change the pod template so that the cluster's policy lets it in"
		}
		return &f
	}
	return nil
}

// podTrouble says why a pod is not ready, and how telling that is.
func (w *watch) podTrouble(ctx context.Context, p pod) (*fairlead.Fault, int) {
	for _, s := range slices.Concat(p.Status.Inits, p.Status.Containers) {
		if f := w.containerTrouble(ctx, p, s); f != nil {
			return f, 4
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" && c.Reason == "Unschedulable" {
			return &fairlead.Fault{
				Op: "schedule pod", Kind: fairlead.KindUnavailable, Cause: "no node takes the pod: " + c.Message,
				Hint: "add nodes, ask for less, or loosen what the pod asks of its node",
			}, 3
		}
	}
	if text := w.lastEvent(ctx, p.Name, "Unhealthy"); text != "" {
		return &fairlead.Fault{
			Op: "probe pod", Kind: fairlead.KindUnavailable, Cause: text,
			Hint: "`fairlead logs --environment` shows what the replicas wrote",
		}, 2
	}
	return nil, 0
}

// containerTrouble says why a container does not run.
func (w *watch) containerTrouble(ctx context.Context, p pod, s containerStatus) *fairlead.Fault {
	last := s.Last.Terminated
	if s.State.Terminated != nil {
		last = s.State.Terminated
	}
	waiting := s.State.Waiting
	switch {
	case waiting != nil && (waiting.Reason == "ErrImagePull" || waiting.Reason == "ImagePullBackOff"):
		f := &fairlead.Fault{Op: "pull image", Kind: fairlead.KindUnavailable, Cause: fmt.Sprintf("%s: %s", s.Image, waiting.Message), Hint: "does the cluster reach the registry, and may it pull there?"}
		if gone := strings.ToLower(waiting.Message); strings.Contains(gone, "not found") || strings.Contains(gone, "manifest unknown") {
			f.Kind, f.Hint = fairlead.KindInvalid, "push the image before it is released, or correct its name"
		}
		return f
	case waiting != nil && (waiting.Reason == "InvalidImageName" || waiting.Reason == "CreateContainerConfigError" || waiting.Reason == "CreateContainerError"):
		return &fairlead.Fault{Op: "start container", Kind: fairlead.KindInvalid, Cause: fmt.Sprintf("container %s: %s: %s", s.Name, waiting.Reason, waiting.Message), Hint: "correct the manifests"}
	case last != nil && last.Reason == "OOMKilled":
		return &fairlead.Fault{
			Op: "run container", Kind: fairlead.KindFailed, Cause: fmt.Sprintf("container %s took more memory than it may have and was killed (OOMKilled, %d restarts)", s.Name, s.RestartCount),
			Hint: "raise resources.limits.memory, or find the leak",
		}
	case last != nil && (last.ExitCode != 0 || waiting != nil && waiting.Reason == "CrashLoopBackOff"):
		cause := fmt.Sprintf("container %s ended with exit code %d (%d restarts)", s.Name, last.ExitCode, s.RestartCount)
		if tail := w.lastLines(ctx, p.Name, s); tail != "" {
			cause += ": " + tail
		}
		return &fairlead.Fault{Op: "run container", Kind: fairlead.KindFailed, Cause: cause, Hint: "`fairlead logs --environment` shows what the replicas wrote"}
	}
	return nil
}

// lastLines gives the end of what a container wrote before it ended, as far as
// it can be had.
func (w *watch) lastLines(ctx context.Context, pod string, s containerStatus) string {
	q := url.Values{"container": {s.Name}, "tailLines": {"5"}, "limitBytes": {"2000"}}
	if s.State.Terminated == nil {
		q.Set("previous", "true")
	}
	r, err := w.c.open(ctx, logPath(w.c.namespace, pod)+"?"+q.Encode())
	if err != nil {
		return ""
	}
	defer r.Close()
	raw, err := io.ReadAll(io.LimitReader(r, 4000))
	if err != nil {
		return ""
	}
	return strings.Join(strings.Split(strings.TrimSpace(string(raw)), "\n"), " | ")
}

// lastEvent gives the newest event of a kind about a pod; none, or none that
// may be seen, is "".
func (w *watch) lastEvent(ctx context.Context, pod, reason string) string {
	all, err := w.c.in(events).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + pod + ",reason=" + reason})
	if err != nil {
		return ""
	}
	newest, text := "", ""
	for _, e := range all.Items {
		last, _, _ := unstructured.NestedString(e.Object, "lastTimestamp")
		if said, _, _ := unstructured.NestedString(e.Object, "message"); last >= newest {
			newest, text = last, said
		}
	}
	return text
}
