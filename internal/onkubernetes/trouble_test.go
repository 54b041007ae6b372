package onkubernetes

import (
	"fmt"
	"strings"
	"testing"

	"fairlead.dev"
)

// bad delivers a release that does not come up beside one that serves, and
// gives what the target says of it.
func (s *stand) bad(one, two goods, words ...string) fairlead.Fault {
	s.t.Helper()
	s.deliver(two)
	s.apply(part{two, 2, 0}, part{one, 2, 100})
	f := s.troubled(two, words...)
	if f.Hint == "" {
		s.t.Errorf("%+v says nothing of what to do", f)
	}
	err := s.Apply(s.t.Context(), s.at, s.desired(part{two, 2, 10}, part{one, 2, 90}))
	if fairlead.KindOf(err) != fairlead.KindConflict {
		s.t.Errorf("traffic for what is not ready: %v", err)
	}
	if i := s.instance(one); i.Weight != 100 || i.Ready != 2 {
		s.t.Errorf("the live release is %+v", i)
	}
	return f
}

// A release that does not come up is told in one clear problem with a hint,
// and gets no traffic.
func TestWhyItIsNotReady(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one := s.shop("1.0.0")
	s.first(one)
	crowd := s.visitors(1)
	gone := "registry.test/gone@sha256:" + strings.Repeat("0", 64)
	if f := s.bad(one, s.pack(gone, manifests()), "registry.test/gone", "not found"); f.Kind != fairlead.KindInvalid {
		t.Errorf("an image that is not there is %s", f.Kind)
	}
	s.bad(one, s.shop("2.0.0", "PODINFO_UNREADY=true"), "503")
	s.bad(one, s.pack(s.image("2.0.0"), manifests("[./podinfo, --port=9898]", "[./podinfo, --no-such-flag]")), "exit code", "restarts", "greetings from podinfo") // the end of its usage
	s.bad(one, s.pack(s.image("2.0.0"), manifests(
		"--port=9898]", "--port=9898, --stress-memory=200]", "image: podinfo", `image: podinfo
        resources: {limits: {memory: 64Mi}}`)), "OOMKilled")
	s.bad(one, s.pack(s.image("2.0.0"), manifests("containers:", "nodeSelector: {disk: golden}\n      containers:")), "no node takes the pod")
	s.settle(part{one, 2, 100})
	crowd.hold(t)
}

// A namespace whose quota is full says so, and what is live goes on: before a
// release starts, and when it is to come home.
func TestQuota(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	s.quota(2)
	s.bad(one, two, "exceeded quota")
	s.quota(4)
	s.ready(two, 2)
	crowd := s.visitors(2)
	s.apply(part{two, 2, 100}, part{one, 2, 0})
	s.eventually(func() string { // an update needs one pod more
		s.apply(part{two, 2, 100})
		if why := s.observe().Pending; !strings.Contains(why, "exceeded quota") {
			return "no quota is named: " + why
		}
		return ""
	})
	s.quota(6)
	s.settle(part{two, 2, 100})
	crowd.hold(t)
	s.tidy(two, s.image("2.0.0"))
}

// quota lets the namespace have so many pods.
func (s *stand) quota(pods int) {
	s.t.Helper()
	s.c.Must(s.t, fmt.Sprintf(`
apiVersion: v1
kind: ResourceQuota
metadata: {name: full}
spec: {hard: {pods: "%d"}}
`, pods), "apply", "-n", s.namespace, "-f", "-")
	s.eventually(func() string {
		if got := s.kubectl("get", "resourcequota", "full", "-o", "jsonpath={.status.hard.pods}"); got != fmt.Sprint(pods) {
			return "the quota does not count yet: " + got
		}
		return ""
	})
}

// What the cluster refuses is refused at the door, before anything is changed.
func TestRefusedAtTheDoor(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one := s.shop("1.0.0")
	s.first(one)
	for name, tt := range map[string]struct {
		edit func()
		yaml string
		kind fairlead.Kind
		want []string
	}{
		"namespace missing": {func() { s.config["namespace"] = "no-such" }, manifests(), fairlead.KindInvalid, []string{"no-such does not exist"}},
		"context missing":   {func() { s.config["context"] = "no-such" }, manifests(), fairlead.KindInvalid, []string{"no-such"}},
		"invalid object":    {nil, manifests("containerPort: 9898", "containerPort: 98980"), fairlead.KindInvalid, []string{"containerPort"}},
		"unknown kind":      {nil, manifests() + "---\napiVersion: example.org/v1\nkind: Rope\nmetadata: {name: a}\n", fairlead.KindInvalid, []string{"example.org/v1"}},
		"of no namespace":   {nil, manifests() + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", fairlead.KindInvalid, []string{"belongs to no namespace"}},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.config
			defer func() { s.config = before }()
			s.config = map[string]any{}
			for k, v := range before {
				s.config[k] = v
			}
			if tt.edit != nil {
				tt.edit()
			}
			g := s.pack(s.image("2.0.0"), tt.yaml)
			err := s.Deliver(t.Context(), s.at, g.Bundle, g.open)
			if fairlead.KindOf(err) != tt.kind {
				t.Fatalf("%v is %q, want %q", err, fairlead.KindOf(err), tt.kind)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%v, want %q", err, w)
				}
			}
		})
	}
	if got := s.kubectl("get", "deployments", "-o", "jsonpath={.items[*].metadata.name}"); got != "shop" {
		t.Errorf("there are Deployments %s", got)
	}
}

// A field that somebody else has written is theirs: the release is refused and
// the problem says who owns what. When they give it up it goes in.
func TestForeignFieldsAreReported(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one := s.shop("1.0.0")
	s.first(one)
	theirs := `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec: {template: {spec: {terminationGracePeriodSeconds: 7}}}
`
	s.c.Must(t, theirs, "apply", "--server-side", "--field-manager=operator", "-n", s.namespace, "-f", "-")
	two := s.pack(s.image("2.0.0"), manifests("containers:", "terminationGracePeriodSeconds: 9\n      containers:"))
	err := s.Deliver(t.Context(), s.at, two.Bundle, two.open)
	if fairlead.KindOf(err) != fairlead.KindDenied || !strings.Contains(err.Error(), "operator") || !strings.Contains(err.Error(), "terminationGracePeriodSeconds") {
		t.Fatalf("%v, want the field and its owner", err)
	}
	none := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop, annotations: {theirs: \"yes\"}}\n"
	s.c.Must(t, none, "apply", "--server-side", "--field-manager=operator", "-n", s.namespace, "-f", "-")
	s.deliver(two)
}

// Where an autoscaler scales the Deployment, nobody else says how many replicas
// it has.
func TestReplicasBelongToTheAutoscaler(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	s.c.Must(t, `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}
  minReplicas: 3
  maxReplicas: 5
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
`, "apply", "-n", s.namespace, "-f", "-")
	replicas := func() string { return s.kubectl("get", "deployment", "shop", "-o", "jsonpath={.spec.replicas}") }
	s.eventually(func() string {
		if n := replicas(); n != "3" {
			return "the autoscaler has not scaled yet: " + n
		}
		return ""
	})
	s.deliver(two)
	s.apply(part{two, 2, 0}, part{one, 2, 100})
	s.ready(two, 3) // the copy is as strong as home
	s.apply(part{two, 2, 100}, part{one, 1, 0})
	s.settle(part{two, 2, 100})
	if n := replicas(); n != "3" {
		t.Errorf("home has %s replicas, the autoscaler said 3", n)
	}
	if by := s.kubectl("get", "deployment", "shop", "-o", `jsonpath={.spec.template.spec.containers[0].image}`); by != s.image("2.0.0") {
		t.Errorf("home runs %s", by)
	}
}

// What an earlier release had and this one has no more goes, and what others
// made stays.
func TestOnlyOwnObjectsArePruned(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	extra := "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: \"%s\"}\n"
	s.c.Must(t, fmt.Sprintf(extra, "theirs", "0")[4:], "apply", "-n", s.namespace, "--server-side", "--field-manager=fairlead", "-f", "-")
	one := s.pack(s.image("1.0.0"), manifests()+fmt.Sprintf(extra, "ours", "1")+fmt.Sprintf(extra, "theirs", "0")+fmt.Sprintf(extra, "both", "1"))
	two := s.pack(s.image("2.0.0"), manifests()+fmt.Sprintf(extra, "both", "2"))
	s.first(one)
	s.deliver(two)
	s.apply(part{two, 2, 0}, part{one, 2, 100})
	s.ready(two, 2)
	if got := s.kubectl("get", "configmap", "both", "-o", "jsonpath={.data.a}"); got != "1" {
		t.Errorf("the live release reads %s while another is tried", got)
	}
	s.apply(part{two, 2, 100}, part{one, 2, 0})
	s.settle(part{two, 2, 100})
	got := s.kubectl("get", "configmaps", "-o", "jsonpath={.items[*].metadata.name}")
	if strings.Contains(got, "ours") || !strings.Contains(got, "theirs") {
		t.Errorf("left are %s", got)
	}
	if got := s.kubectl("get", "configmap", "both", "-o", "jsonpath={.data.a}"); got != "2" {
		t.Errorf("the new release reads %s", got)
	}
}
