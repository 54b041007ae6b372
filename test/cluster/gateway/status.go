package gateway

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

func (c *Controller) acceptClass(ctx context.Context, class *gatewayv1.GatewayClass) error {
	changed := class.DeepCopy()
	set(&changed.Status.Conditions, class.Generation, string(gatewayv1.GatewayClassConditionStatusAccepted),
		condition{ok: true, reason: string(gatewayv1.GatewayClassReasonAccepted)})
	if equality.Semantic.DeepEqual(class.Status, changed.Status) {
		return nil
	}
	_, err := c.client.GatewayV1().GatewayClasses().UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	return err
}

// writeGateway says where a Gateway is and how many routes its listeners have.
func (c *Controller) writeGateway(ctx context.Context, s *served) error {
	changed := s.gateway.DeepCopy()
	status, generation := &changed.Status, changed.Generation
	accepted := condition{ok: true, reason: string(gatewayv1.GatewayReasonAccepted)}
	programmed := condition{ok: true, reason: string(gatewayv1.GatewayReasonProgrammed)}
	if s.failure != nil {
		accepted = condition{reason: string(gatewayv1.GatewayReasonListenersNotValid), message: s.failure.Error()}
		programmed = condition{reason: string(gatewayv1.GatewayReasonInvalid), message: s.failure.Error()}
	}
	set(&status.Conditions, generation, string(gatewayv1.GatewayConditionAccepted), accepted)
	set(&status.Conditions, generation, string(gatewayv1.GatewayConditionProgrammed), programmed)
	status.Addresses = nil
	if s.address.IsValid() {
		status.Addresses = []gatewayv1.GatewayStatusAddress{{
			Type: ptr.To(gatewayv1.IPAddressType), Value: s.address.String(),
		}}
	}
	before := map[gatewayv1.SectionName][]metav1.Condition{}
	for _, listener := range status.Listeners {
		before[listener.Name] = listener.Conditions
	}
	status.Listeners = nil
	for _, listener := range changed.Spec.Listeners {
		l := gatewayv1.ListenerStatus{
			Name: listener.Name, AttachedRoutes: int32(len(s.routes)), Conditions: before[listener.Name],
			SupportedKinds: []gatewayv1.RouteGroupKind{{Group: ptr.To(gatewayv1.Group(gatewayv1.GroupName)), Kind: "HTTPRoute"}},
		}
		set(&l.Conditions, generation, string(gatewayv1.ListenerConditionAccepted), accepted)
		set(&l.Conditions, generation, string(gatewayv1.ListenerConditionProgrammed), programmed)
		set(&l.Conditions, generation, string(gatewayv1.ListenerConditionResolvedRefs),
			condition{ok: true, reason: string(gatewayv1.ListenerReasonResolvedRefs)})
		status.Listeners = append(status.Listeners, l)
	}
	if equality.Semantic.DeepEqual(s.gateway.Status, changed.Status) {
		return nil
	}
	_, err := c.client.GatewayV1().Gateways(changed.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	return err
}

// writeRoute says what was decided about a route, beside what other gateways
// say about it.
func (c *Controller) writeRoute(ctx context.Context, v verdict) error {
	changed := v.route.DeepCopy()
	status := parentStatus(&changed.Status, v.parent)
	set(&status.Conditions, v.route.Generation, string(gatewayv1.RouteConditionAccepted), v.accepted)
	set(&status.Conditions, v.route.Generation, string(gatewayv1.RouteConditionResolvedRefs), v.resolved)
	if equality.Semantic.DeepEqual(v.route.Status, changed.Status) {
		return nil
	}
	_, err := c.client.GatewayV1().HTTPRoutes(changed.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{})
	return err
}

func parentStatus(status *gatewayv1.HTTPRouteStatus, parent gatewayv1.ParentReference) *gatewayv1.RouteParentStatus {
	for i := range status.Parents {
		found := &status.Parents[i]
		if found.ControllerName == ControllerName && equality.Semantic.DeepEqual(found.ParentRef, parent) {
			return found
		}
	}
	status.Parents = append(status.Parents, gatewayv1.RouteParentStatus{ParentRef: parent, ControllerName: ControllerName})
	return &status.Parents[len(status.Parents)-1]
}

func set(conditions *[]metav1.Condition, generation int64, kind string, c condition) {
	status := metav1.ConditionFalse
	if c.ok {
		status = metav1.ConditionTrue
	}
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type: kind, Status: status, ObservedGeneration: generation, Reason: c.reason, Message: c.message,
	})
}
