package kubernetes

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"fairlead.dev"
	"fairlead.dev/target"
)

// Rule is one rule of a Role, in the words of rbac.authorization.k8s.io/v1.
type Rule struct {
	APIGroups     []string `json:"apiGroups"`
	Resources     []string `json:"resources"`
	ResourceNames []string `json:"resourceNames,omitempty"`
	Verbs         []string `json:"verbs"`
}

// Access is what the target may do in the namespace of one place: nothing less
// is enough.
type Access struct {
	Namespace string `json:"namespace"` // "" when the context says it
	Rules     []Rule `json:"rules"`
}

// AccessFor gives the smallest access for a config whose manifests are those of
// a commit's files. Manifests that the build only makes are not seen: of them
// nothing but the Deployment, its Service and the route is known.
func AccessFor(ctx context.Context, at target.Place, raw json.RawMessage, tree fs.FS) (Access, error) {
	c, err := decodeConfig(raw)
	if err != nil {
		return Access{}, err
	}
	all, err := readTree(tree, c)
	if err != nil {
		return Access{}, err
	}
	objects, err := render(ctx, c, at.Service, all)
	if err != nil {
		return Access{}, err
	}
	r := &release{config: c, home: &unstructured.Unstructured{Object: map[string]any{}}}
	if len(objects) > 0 {
		if r, err = sort(c, "", objects); err != nil {
			return Access{}, err
		}
	}
	return Access{Namespace: c.Namespace, Rules: r.rules(at)}, nil
}

// readTree reads what lies beside the manifests.
func readTree(tree fs.FS, c Config) (files, error) {
	const op = "read manifests"
	top, _, _ := strings.Cut(c.Manifests, "/")
	all, sum := files{}, int64(0)
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if name != top && !strings.HasPrefix(name, top+"/") && !slices.Contains(c.Values, name) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if sum += info.Size(); info.Size() > maxContent || sum > maxRelease {
			return invalid(op, "keep what is not a manifest out of "+top+"/", fmt.Errorf("%s has %d bytes: too many, alone or with the others there", name, info.Size()))
		}
		all[name], err = fs.ReadFile(tree, name)
		return err
	})
	var own *fairlead.Problem
	if err == nil || errors.As(err, &own) {
		return all, err
	}
	return nil, unavailable(op, "", err)
}

// rules are what the target asks of the API server, each once.
func (r *release) rules(at target.Place) []Rule {
	mode := r.config.Traffic.mode()
	rules := []Rule{
		rule(configMaps, "create"),
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, ResourceNames: []string{ledgerName(at)}, Verbs: []string{"get", "patch"}},
		rule(deployments, "get", "list", "create", "patch", "delete"),
		rule(services, "get", "list", "create", "patch", "delete"),
		rule(pods, "list"),
		{APIGroups: []string{""}, Resources: []string{"pods/log"}, Verbs: []string{"get"}},
		rule(events, "list"),
	}
	if mode == byReplicas {
		rules = append(rules, rule(pods, "patch"))
	}
	if mode == byRoute {
		rules = append(rules, rule(routes, "get", "patch"))
	}
	if r.route != nil {
		rules = append(rules, rule(routes, "create", "delete"))
	}
	if !r.scaled {
		rules = append(rules, rule(autoscalers, "list"))
	}
	for _, o := range r.rest {
		gvk := o.GroupVersionKind()
		rules = append(rules, rule(gvk.GroupVersion().WithResource(plural(gvk.Kind)), "get", "create", "patch", "delete"))
	}
	return merge(rules)
}

func rule(r schema.GroupVersionResource, verbs ...string) Rule {
	return Rule{APIGroups: []string{r.Group}, Resources: []string{r.Resource}, Verbs: verbs}
}

// merge makes one rule of those about the same resource.
func merge(rules []Rule) []Rule {
	var out []Rule
	for _, r := range rules {
		i := slices.IndexFunc(out, func(o Rule) bool {
			return o.APIGroups[0] == r.APIGroups[0] && o.Resources[0] == r.Resources[0] && slices.Equal(o.ResourceNames, r.ResourceNames)
		})
		if i < 0 {
			out = append(out, r)
			continue
		}
		for _, v := range r.Verbs {
			if !slices.Contains(out[i].Verbs, v) {
				out[i].Verbs = append(out[i].Verbs, v)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(out), func(r Rule) bool { return len(r.ResourceNames) > 0 && covered(r, out) })
}

// covered tells whether a rule about named objects says nothing that one about
// all objects does not.
func covered(named Rule, all []Rule) bool {
	return slices.ContainsFunc(all, func(r Rule) bool {
		return len(r.ResourceNames) == 0 && r.APIGroups[0] == named.APIGroups[0] && r.Resources[0] == named.Resources[0] &&
			!slices.ContainsFunc(named.Verbs, func(v string) bool { return !slices.Contains(r.Verbs, v) })
	})
}

// plural names the resource of a kind as nearly all kinds do.
func plural(kind string) string {
	name := strings.ToLower(kind)
	switch {
	case name == "endpoints":
		return name
	case strings.HasSuffix(name, "s"), strings.HasSuffix(name, "x"), strings.HasSuffix(name, "ch"):
		return name + "es"
	case strings.HasSuffix(name, "y") && !strings.HasSuffix(name, "ay"):
		return strings.TrimSuffix(name, "y") + "ies"
	}
	return name + "s"
}

// Role gives the access as a manifest of that name.
func (a Access) Role(name string) ([]byte, error) {
	meta := map[string]any{"name": name}
	if a.Namespace != "" {
		meta["namespace"] = a.Namespace
	}
	return yaml.Marshal(map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta, "rules": a.Rules,
	})
}

// Missing asks the cluster what of the access the config's user does not have,
// in words: "patch deployments.apps". A cluster that does not answer is
// KindUnavailable.
func Missing(ctx context.Context, raw json.RawMessage, a Access) ([]string, error) {
	config, err := decodeConfig(raw)
	if err != nil {
		return nil, err
	}
	c, err := connect(config)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, r := range a.Rules {
		for _, verb := range r.Verbs {
			ok, err := c.allowed(ctx, r, verb)
			if err != nil {
				return nil, err
			}
			if !ok {
				missing = append(missing, verb+" "+strings.TrimSuffix(r.Resources[0]+"."+r.APIGroups[0], "."))
			}
		}
	}
	return missing, nil
}

// allowed asks for one verb.
func (c *cluster) allowed(ctx context.Context, r Rule, verb string) (bool, error) {
	resource, sub, _ := strings.Cut(r.Resources[0], "/")
	attributes := map[string]any{"namespace": c.namespace, "verb": verb, "group": r.APIGroups[0], "resource": resource}
	if sub != "" {
		attributes["subresource"] = sub
	}
	if len(r.ResourceNames) > 0 {
		attributes["name"] = r.ResourceNames[0]
	}
	o := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
		"spec": map[string]any{"resourceAttributes": attributes},
	}}
	reviews := schema.GroupVersionResource{Group: "authorization.k8s.io", Version: "v1", Resource: "selfsubjectaccessreviews"}
	got, err := c.dynamic.Resource(reviews).Create(ctx, o, metav1.CreateOptions{})
	if err != nil {
		return false, c.problem("ask for permissions", err)
	}
	yes, _, _ := unstructured.NestedBool(got.Object, "status", "allowed")
	return yes, nil
}

// Where names the cluster and namespace of a config, for people.
func Where(raw json.RawMessage) string {
	c, err := decodeConfig(raw)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("namespace %s of context %s", cmp.Or(c.Namespace, "(the context's)"), cmp.Or(c.Context, "(the current one)"))
}
