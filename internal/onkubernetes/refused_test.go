package onkubernetes

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"sigs.k8s.io/yaml"

	"fairlead.dev"
	"fairlead.dev/target/kubernetes"
)

// change is what the API server asks an admission webhook about.
type change struct {
	UID       string
	Kind      struct{ Kind string }
	Name      string
	Operation string
	DryRun    bool
	Object    json.RawMessage
}

// webhook is an admission webhook of the stand's namespace that refuses what
// its function says, with the function's words; "" lets a change in.
type webhook struct {
	says   atomic.Pointer[func(change) string]
	server *httptest.Server
}

func (w *webhook) refuse(f func(change) string) { w.says.Store(&f) }

func (w *webhook) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	var review struct{ Request change }
	if err := json.NewDecoder(in.Body).Decode(&review); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	word := (*w.says.Load())(review.Request)
	_ = json.NewEncoder(out).Encode(map[string]any{
		"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"response": map[string]any{"uid": review.Request.UID, "allowed": word == "", "status": map[string]any{"message": word}},
	})
}

// webhook serves an admission webhook over TLS where the API server gets to it.
func (s *stand) webhook() *webhook {
	s.t.Helper()
	w := &webhook{}
	w.refuse(func(change) string { return "" })
	l, err := s.c.Listen(s.t.Context(), "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	w.server = httptest.NewUnstartedServer(w)
	w.server.Listener.Close()
	w.server.Listener = l
	w.server.StartTLS()
	s.t.Cleanup(w.server.Close)
	name := "policy-" + s.namespace
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.server.Certificate().Raw})
	s.c.Must(s.t, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: %s}
webhooks:
- name: policy.example.org
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}
  rules:
  - {apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE, UPDATE]}
  - {apiGroups: [""], apiVersions: [v1], resources: [services], operations: [CREATE, UPDATE]}
  - {apiGroups: [gateway.networking.k8s.io], apiVersions: [v1], resources: [httproutes], operations: [UPDATE]}
  clientConfig: {url: %q, caBundle: %s}
`, name, s.namespace, w.server.URL, base64.StdEncoding.EncodeToString(authority)), "apply", "-f", "-")
	s.t.Cleanup(func() { s.c.Must(s.t, "", "delete", "validatingwebhookconfiguration", name) })
	return w
}

// refused holds that err is one clear problem of a kind that says every word
// and what to do, and that the live release goes on as before.
func (s *stand) refused(err error, kind fairlead.Kind, live goods, words ...string) {
	s.t.Helper()
	if fairlead.KindOf(err) != kind || fairlead.HintOf(err) == "" {
		s.t.Errorf("%v is %q with hint %q, want %q with one", err, fairlead.KindOf(err), fairlead.HintOf(err), kind)
	}
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error()+fairlead.HintOf(err), w) {
			s.t.Errorf("no %q in %v", w, err)
		}
	}
	if i := s.instance(live); i.Weight != 100 || i.Ready != 2 {
		s.t.Errorf("the live release is %+v", i)
	}
}

func (s *stand) deployments() string {
	s.t.Helper()
	return s.kubectl("get", "deployments", "-o", "jsonpath={.items[*].metadata.name}")
}

// An admission webhook that refuses is one clear problem wherever it comes in:
// at the door nothing is changed, later the live release keeps the traffic, and
// what was wanted goes through once the webhook lets it.
func TestWebhookRefuses(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	crowd := s.visitors(2)
	w := s.webhook()
	const word = "costs more than shop may spend"
	w.refuse(func(change) string { return word })
	s.eventually(func() string { // it takes the API server a moment to know the webhook
		if s.Deliver(t.Context(), s.at, two.Bundle, two.open) == nil {
			return "the webhook is not asked"
		}
		return ""
	})
	s.refused(s.Deliver(t.Context(), s.at, two.Bundle, two.open), fairlead.KindDenied, one, word, "policy")
	if got := s.deployments(); got != "shop" {
		t.Errorf("refused at the door, and there are Deployments %s", got)
	}
	w.refuse(func(c change) string { // only when it is meant
		if c.DryRun || c.Kind.Kind != "Deployment" || c.Name == "shop" {
			return ""
		}
		return word
	})
	s.deliver(two)
	s.refused(s.Apply(t.Context(), s.at, s.desired(part{two, 2, 0}, part{one, 2, 100})), fairlead.KindDenied, one, word, "policy")
	s.apply(part{one, 2, 100})
	if got := s.deployments(); got != "shop" {
		t.Errorf("refused at the start, and there are Deployments %s", got)
	}
	w.refuse(func(c change) string {
		if c.Kind.Kind == "Service" && c.Name == "shop" { // the one that visitors ask for
			return word
		}
		return ""
	})
	s.apply(part{two, 2, 0}, part{one, 2, 100})
	s.ready(two, 2)
	s.refused(s.Apply(t.Context(), s.at, s.desired(part{two, 2, 100}, part{one, 2, 0})), fairlead.KindDenied, one, word, "policy")
	if err := s.Apply(t.Context(), s.at, s.desired(part{two, 2, 0}, part{one, 2, 100})); err != nil {
		t.Errorf("the way back asks the webhook: %v", err)
	}
	w.refuse(func(change) string { return "" })
	s.apply(part{two, 2, 100}, part{one, 2, 0})
	s.settle(part{two, 2, 100})
	w.server.Close()
	s.refused(s.Deliver(t.Context(), s.at, one.Bundle, one.open), fairlead.KindUnavailable, two, "webhook", "does not answer")
	crowd.hold(t)
}

// A policy of the cluster that refuses is told as one, whatever reason it gives.
func TestPolicyRefuses(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	name := "policy-" + s.namespace
	s.c.Must(t, fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[2]s}}
    resourceRules: [{apiGroups: [apps], apiVersions: [v1], resources: [deployments], operations: [CREATE, UPDATE]}]
  validations: [{expression: "has(object.spec.template.spec.securityContext.runAsUser)", message: "says nobody to run as"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}
`, name, s.namespace), "apply", "-f", "-")
	t.Cleanup(func() {
		s.c.Must(t, "", "delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", name)
	})
	var err error
	s.eventually(func() string {
		if err = s.Deliver(t.Context(), s.at, two.Bundle, two.open); err == nil {
			return "the policy is not asked"
		}
		return ""
	})
	s.refused(err, fairlead.KindDenied, one, "says nobody to run as", "the cluster's policy")
	if got := s.deployments(); got != "shop" {
		t.Errorf("there are Deployments %s", got)
	}
}

// A Role that loses a permission while a release moves: the problem says what
// is missing and where the Role is printed, the live release keeps the traffic,
// and with the permission back the release goes through.
func TestRoleLosesAVerbMidway(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	raw, err := json.Marshal(s.config)
	if err != nil {
		t.Fatal(err)
	}
	access, err := kubernetes.AccessFor(t.Context(), s.at, raw, fstest.MapFS{"deploy/shop.yaml": {Data: []byte(manifests())}})
	if err != nil {
		t.Fatal(err)
	}
	s.config["kubeconfig"] = s.c.User(t, s.namespace, "fairlead", rulesOf(t, access.Rules))
	one, two := s.shop("1.0.0"), s.shop("2.0.0")
	s.first(one)
	crowd := s.visitors(2)
	s.deliver(two)
	s.apply(part{two, 2, 0}, part{one, 2, 100})
	s.ready(two, 2)
	s.role(slices.Collect(func(yield func(kubernetes.Rule) bool) {
		for _, r := range access.Rules {
			if slices.Contains(r.Resources, "services") {
				r.Verbs = slices.DeleteFunc(slices.Clone(r.Verbs), func(v string) bool { return v == "patch" })
			}
			if !yield(r) {
				return
			}
		}
	}))
	s.eventually(func() string {
		err = s.Apply(t.Context(), s.at, s.desired(part{two, 2, 100}, part{one, 2, 0}))
		if err == nil {
			// The API server did not know of the new Role yet: once more from the start.
			s.apply(part{two, 2, 0}, part{one, 2, 100})
			return "the permission is still there"
		}
		return ""
	})
	s.refused(err, fairlead.KindDenied, one, "cannot patch", "services", "--rbac")
	s.role(access.Rules)
	s.eventually(func() string {
		if err := s.Apply(t.Context(), s.at, s.desired(part{two, 2, 100}, part{one, 2, 0})); err != nil {
			return err.Error()
		}
		return ""
	})
	s.settle(part{two, 2, 100})
	crowd.hold(t)
}

func rulesOf(t *testing.T, rules []kubernetes.Rule) string {
	t.Helper()
	raw, err := yaml.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// role changes the rules of the account that User made.
func (s *stand) role(rules []kubernetes.Rule) {
	s.t.Helper()
	s.c.Must(s.t, "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: fairlead}\nrules:\n"+rulesOf(s.t, rules),
		"apply", "-n", s.namespace, "-f", "-")
}

// Somebody who takes a field of the Deployment while a release moves keeps it:
// the release serves from its copy and is told who owns what, and the way back
// is free.
func TestOwnerAppearsMidway(t *testing.T) {
	s := newStand(t, map[string]any{"service": "shop"})
	one := s.shop("1.0.0")
	two := s.pack(s.image("2.0.0"), manifests("containers:", "terminationGracePeriodSeconds: 9\n      containers:"))
	s.first(one)
	crowd := s.visitors(2)
	s.deliver(two)
	s.apply(part{two, 2, 0}, part{one, 2, 100})
	s.ready(two, 2)
	s.c.Must(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec: {template: {spec: {terminationGracePeriodSeconds: 7}}}
`, "apply", "--server-side", "--field-manager=operator", "-n", s.namespace, "-f", "-")
	s.apply(part{two, 2, 100}, part{one, 2, 0})
	var err error
	s.eventually(func() string {
		if err = s.Apply(t.Context(), s.at, s.desired(part{two, 2, 100})); err == nil {
			return "the field of somebody else was taken: " + s.observe().Pending
		}
		return ""
	})
	s.refused(err, fairlead.KindDenied, two, "operator", "terminationGracePeriodSeconds")
	s.apply(part{one, 2, 0}, part{two, 2, 100})
	s.ready(one, 2)
	s.settle(part{one, 2, 100})
	if got := s.kubectl("get", "deployment", "shop", "-o", "jsonpath={.spec.template.spec.terminationGracePeriodSeconds}"); got != "7" {
		t.Errorf("the field of somebody else is %s", got)
	}
	crowd.hold(t)
}
