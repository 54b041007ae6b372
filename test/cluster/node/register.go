package node

import (
	"context"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
)

type listOptions = metav1.ListOptions

const (
	leaseDuration = 40 // seconds, as a kubelet's
	renewal       = 10 * time.Second
	logPort       = 10250
)

// capacity is what the node promises the scheduler. It is fixed, so that what
// fits does not depend on the machine that runs the tests.
func capacity() v1.ResourceList {
	return v1.ResourceList{
		v1.ResourceCPU:              resource.MustParse("16"),
		v1.ResourceMemory:           resource.MustParse("32Gi"),
		v1.ResourceEphemeralStorage: resource.MustParse("100Gi"),
		v1.ResourcePods:             resource.MustParse("250"),
	}
}

// register makes the node's object, ready, and its lease.
func (a *Agent) register(ctx context.Context) error {
	nodes := a.Client.CoreV1().Nodes()
	node := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: a.Name, Labels: map[string]string{
		v1.LabelHostname: a.Name, v1.LabelOSStable: "linux", v1.LabelArchStable: "amd64",
	}}}
	_, err := nodes.Create(ctx, node, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	// Controllers write to a new node at the same time.
	err = retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		fresh, err := nodes.Get(ctx, a.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		a.describe(&fresh.Status)
		_, err = nodes.UpdateStatus(ctx, fresh, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: a.Name, Namespace: v1.NamespaceNodeLease},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity:       ptr.To(a.Name),
			LeaseDurationSeconds: ptr.To[int32](leaseDuration),
			RenewTime:            ptr.To(metav1.NowMicro()),
		},
	}
	_, err = a.Client.CoordinationV1().Leases(v1.NamespaceNodeLease).Create(ctx, lease, metav1.CreateOptions{})
	return err
}

// describe writes what there is to know about the node.
func (a *Agent) describe(status *v1.NodeStatus) {
	status.Capacity, status.Allocatable = capacity(), capacity()
	status.Addresses = []v1.NodeAddress{
		{Type: v1.NodeInternalIP, Address: a.Address.String()},
		{Type: v1.NodeHostName, Address: a.Name},
	}
	status.DaemonEndpoints.KubeletEndpoint.Port = logPort
	status.NodeInfo.OperatingSystem = "linux"
	status.NodeInfo.KubeletVersion = "v1.37.2"
	status.NodeInfo.ContainerRuntimeVersion = "process://1"
	status.Conditions = conditions(metav1.Now())
}

func conditions(now metav1.Time) []v1.NodeCondition {
	condition := func(kind v1.NodeConditionType, status v1.ConditionStatus, reason, message string) v1.NodeCondition {
		return v1.NodeCondition{
			Type: kind, Status: status, Reason: reason, Message: message,
			LastHeartbeatTime: now, LastTransitionTime: now,
		}
	}
	return []v1.NodeCondition{
		condition(v1.NodeMemoryPressure, v1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
		condition(v1.NodeDiskPressure, v1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
		condition(v1.NodePIDPressure, v1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
		condition(v1.NodeReady, v1.ConditionTrue, "KubeletReady", "kubelet is posting ready status"),
	}
}

// heartbeat renews the node's lease until ctx ends. A renewal that fails is
// tried again at the next; the cluster finds the node lost after four.
func (a *Agent) heartbeat(ctx context.Context) {
	leases := a.Client.CoordinationV1().Leases(v1.NamespaceNodeLease)
	tick := time.NewTicker(renewal)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		lease, err := leases.Get(ctx, a.Name, metav1.GetOptions{})
		if err != nil {
			continue
		}
		lease.Spec.RenewTime = ptr.To(metav1.NowMicro())
		_, _ = leases.Update(ctx, lease, metav1.UpdateOptions{})
	}
}
