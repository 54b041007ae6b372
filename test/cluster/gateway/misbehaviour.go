package gateway

import (
	"strconv"
	"strings"
	"time"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// Annotations of an HTTPRoute, or of a Gateway for all its routes, that make
// the gateway misbehave. A route's own come first.
const (
	// DelayAnnotation (a Go duration) is how long each new generation of a
	// route waits until it is accepted and put into effect.
	DelayAnnotation = "test.fairlead.dev/delay"
	// RefuseAnnotation (a message) makes the gateway refuse every new
	// generation. What it accepted before stays in effect.
	RefuseAnnotation = "test.fairlead.dev/refuse"
	// SplitAnnotation (weights, as in "50,50") replaces the weights of rules
	// that have as many backends: the gateway says that it accepted the
	// route's weights, and sends by these.
	SplitAnnotation = "test.fairlead.dev/split"
	// StaleAnnotation ("true") makes the gateway accept new generations and
	// go on with what was in effect before.
	StaleAnnotation = "test.fairlead.dev/stale"
)

type misbehaviours struct {
	delay  time.Duration
	refuse string
	split  []int32
	stale  bool
}

func misbehaviour(route *gatewayv1.HTTPRoute, gateway *gatewayv1.Gateway) misbehaviours {
	value := func(annotation string) string {
		if own, ok := route.Annotations[annotation]; ok {
			return own
		}
		return gateway.Annotations[annotation]
	}
	var m misbehaviours
	m.delay, _ = time.ParseDuration(value(DelayAnnotation))
	m.refuse = value(RefuseAnnotation)
	m.stale = value(StaleAnnotation) == "true"
	for weight := range strings.SplitSeq(value(SplitAnnotation), ",") {
		if n, err := strconv.ParseInt(strings.TrimSpace(weight), 10, 32); err == nil {
			m.split = append(m.split, int32(n))
		}
	}
	return m
}

// distort gives the route as it is put into effect.
func (m misbehaviours) distort(route *gatewayv1.HTTPRoute) *gatewayv1.HTTPRoute {
	if len(m.split) == 0 {
		return route
	}
	route = route.DeepCopy()
	for i := range route.Spec.Rules {
		backends := route.Spec.Rules[i].BackendRefs
		if len(backends) != len(m.split) {
			continue
		}
		for j := range backends {
			backends[j].Weight = &m.split[j]
		}
	}
	return route
}
