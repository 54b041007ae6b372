package gateway

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// verdict is what a route's parent has to say about it.
type verdict struct {
	route              *gatewayv1.HTTPRoute
	parent             gatewayv1.ParentReference
	accepted, resolved condition
}

type condition struct {
	ok              bool
	reason, message string
}

// judge decides about every route that names one of the served Gateways, puts
// what is accepted into effect, and gives how long to wait for what is not
// decided yet.
func (c *Controller) judge(all []*served, routes []*gatewayv1.HTTPRoute) (verdicts []verdict, wait time.Duration) {
	wait = time.Minute
	known := map[types.UID]bool{}
	for _, route := range routes {
		known[route.UID] = true
		for _, parent := range route.Spec.ParentRefs {
			s := parentOf(all, route, parent)
			if s == nil {
				continue
			}
			v, left := c.consider(s, route, parent)
			if left > 0 {
				wait = min(wait, left)
			} else {
				verdicts = append(verdicts, v)
			}
			if effective := c.memory[route.UID].effective; effective != nil {
				s.routes = append(s.routes, effective)
			}
		}
	}
	for uid := range c.memory {
		if !known[uid] {
			delete(c.memory, uid)
		}
	}
	return verdicts, wait
}

func parentOf(all []*served, route *gatewayv1.HTTPRoute, parent gatewayv1.ParentReference) *served {
	if parent.Kind != nil && *parent.Kind != "Gateway" {
		return nil
	}
	namespace := route.Namespace
	if parent.Namespace != nil {
		namespace = string(*parent.Namespace)
	}
	for _, s := range all {
		if s.gateway.Namespace == namespace && s.gateway.Name == string(parent.Name) {
			return s
		}
	}
	return nil
}

// consider decides about one route, or gives how long the decision is put off.
func (c *Controller) consider(s *served, route *gatewayv1.HTTPRoute, parent gatewayv1.ParentReference) (verdict, time.Duration) {
	m := c.memory[route.UID]
	if m == nil {
		m = &memory{}
		c.memory[route.UID] = m
	}
	if m.seen != route.Generation {
		m.seen, m.since = route.Generation, time.Now()
	}
	bad := misbehaviour(route, s.gateway)
	if left := time.Until(m.since.Add(bad.delay)); left > 0 {
		return verdict{}, left
	}
	v := verdict{
		route: route, parent: parent,
		accepted: condition{ok: true, reason: string(gatewayv1.RouteReasonAccepted)},
		resolved: c.resolve(route),
	}
	if unsupported := unsupported(route); unsupported != "" {
		v.accepted = condition{reason: string(gatewayv1.RouteReasonUnsupportedValue), message: unsupported}
		return v, 0
	}
	if bad.refuse != "" {
		v.accepted = condition{reason: string(gatewayv1.RouteReasonUnsupportedValue), message: bad.refuse}
		return v, 0
	}
	if !bad.stale || m.effective == nil {
		m.effective = bad.distort(route)
	}
	return v, 0
}

// resolve reports whether the Services that a route names exist.
func (c *Controller) resolve(route *gatewayv1.HTTPRoute) condition {
	for _, rule := range route.Spec.Rules {
		for _, ref := range rule.BackendRefs {
			namespace := route.Namespace
			if ref.Namespace != nil && string(*ref.Namespace) != namespace {
				return condition{reason: string(gatewayv1.RouteReasonRefNotPermitted), message: "references to other namespaces are not permitted"}
			}
			if (ref.Kind != nil && *ref.Kind != "Service") || (ref.Group != nil && *ref.Group != corev1.GroupName) {
				return condition{reason: string(gatewayv1.RouteReasonInvalidKind), message: "a backend must be a Service"}
			}
			if _, err := c.services.Services(namespace).Get(string(ref.Name)); err != nil {
				message := fmt.Sprintf("Service %s/%s not found", namespace, ref.Name)
				return condition{reason: string(gatewayv1.RouteReasonBackendNotFound), message: message}
			}
		}
	}
	return condition{ok: true, reason: string(gatewayv1.RouteReasonResolvedRefs)}
}
