package kubernetes

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"fairlead.dev"
)

// rulesOf gives the rules of a route, to be read.
func rulesOf(route *unstructured.Unstructured) []map[string]any {
	list, _, _ := unstructured.NestedFieldNoCopy(route.Object, "spec", "rules")
	return objectsIn(list)
}

// ruleKeys names the rules of a route, each by what it matches.
func ruleKeys(route *unstructured.Unstructured) []string {
	var keys []string
	for _, rule := range rulesOf(route) {
		keys = append(keys, ruleKey(rule))
	}
	return keys
}

// ruleKey names a rule by what it matches, whether or not the API server has
// filled in what was left out.
func ruleKey(rule map[string]any) string {
	matches := objectsIn(rule["matches"])
	if len(matches) == 0 {
		matches = []map[string]any{{}}
	}
	var whole []any
	for _, match := range matches {
		m := map[string]any{}
		for k, v := range match {
			m[k] = v
		}
		path, _ := m["path"].(map[string]any)
		m["path"] = filled(path, map[string]any{"type": "PathPrefix", "value": "/"})
		for _, part := range []string{"headers", "queryParams"} {
			var all []any
			for _, e := range objectsIn(m[part]) {
				all = append(all, filled(e, map[string]any{"type": "Exact"}))
			}
			if m[part] = all; len(all) == 0 {
				delete(m, part)
			}
		}
		whole = append(whole, m)
	}
	return fairlead.DigestJSON(whole).Hex()[:10]
}

// filled gives o with what it leaves out.
func filled(o, defaults map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range defaults {
		out[k] = v
	}
	for k, v := range o {
		out[k] = v
	}
	return out
}

// keepRules adds to a route that is sent the rules that others have added to it
// in the cluster: those that neither these manifests have nor those before. The
// list is one field, so leaving them out would take them away.
func keepRules(sent, live *unstructured.Unstructured, before []string) {
	if sent.GetKind() != "HTTPRoute" {
		return
	}
	ours := append(ruleKeys(sent), before...)
	rules, _, _ := unstructured.NestedSlice(sent.Object, "spec", "rules")
	for _, rule := range rulesOf(live) {
		if !slices.Contains(ours, ruleKey(rule)) {
			rules = append(rules, runtime.DeepCopyJSON(rule))
		}
	}
	if len(rules) > 0 {
		_ = unstructured.SetNestedSlice(sent.Object, rules, "spec", "rules")
	}
}
