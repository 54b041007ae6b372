package onkubernetes

import (
	"fmt"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/target"
)

// Traffic does not come home to a Deployment that cannot serve: somebody has
// paused it, or scaled it to zero so that its autoscaler is off. The release
// serves from its copy meanwhile, it is said why, and once it is mended the
// release comes home by itself. A selector that somebody turned back by hand is
// seen, and turned again. And another environment does not get it, also when it
// was delivered to before the Deployment was there.
func TestHomeThatCannotServe(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	other := target.Place{Environment: "production", Service: s.at.Service}
	if err := s.Deliver(t.Context(), other, one.Bundle, one.open); err != nil {
		t.Fatal(err)
	}
	s.first(one)
	for what, err := range map[string]error{
		"deliver": s.Deliver(t.Context(), other, one.Bundle, one.open),
		"apply":   s.Apply(t.Context(), other, s.desired(part{one, 2, 0})),
	} {
		if fairlead.KindOf(err) != fairlead.KindDenied || !strings.Contains(err.Error(), "another name of service or environment") {
			t.Errorf("another environment: %s: %v", what, err)
		}
	}
	s.c.Must(t, `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  minReplicas: 2
  maxReplicas: 4
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
`, "apply", "-n", s.namespace, "-f", "-")
	s.deliver(two)
	s.apply(part{two, 2, 0}, part{one, 2, 100})
	s.ready(two, 2)
	crowd := s.visitors(2)
	s.apply(part{two, 2, 100}, part{one, 2, 0})

	s.kubectl("patch", "service", "shop", "--type=json", "--field-manager=colleague", "-p", `[{"op": "replace", "path": "/spec/selector", "value": {"app": "shop"}}]`)
	if o, i := s.instance(one), s.instance(two); o.Weight != 100 || i.Weight != 0 {
		t.Errorf("turned back by hand, the releases are seen with %d%% and %d%%", o.Weight, i.Weight)
	}
	s.apply(part{two, 2, 100}, part{one, 2, 0})

	s.kubectl("rollout", "pause", "deployment/shop")
	s.kubectl("scale", "deployment/shop", "--replicas=0")
	s.pending("is paused", part{two, 2, 100})
	s.kubectl("rollout", "resume", "deployment/shop")
	s.pending("is scaled to zero", part{two, 2, 100})
	if i := s.instance(two); i.Weight != 100 || i.Ready != 2 {
		t.Errorf("the release is %+v", i)
	}
	s.kubectl("scale", "deployment/shop", "--replicas=2")
	s.settle(part{two, 2, 100})
	crowd.hold(t)
	s.tidy(two, s.image("2.0.0"))

	paused := s.pack(s.image("1.0.0"), manifests("spec:\n  strategy:", "spec:\n  paused: true\n  strategy:"))
	s.bad(two, paused, "is paused")
}

// pending applies a state until that is pending for want of what word says.
func (s *stand) pending(word string, parts ...part) {
	s.t.Helper()
	s.eventually(func() string {
		s.apply(parts...)
		if why := s.observe().Pending; !strings.Contains(why, word) {
			return fmt.Sprintf("no %q in %q", word, why)
		}
		return ""
	})
}
