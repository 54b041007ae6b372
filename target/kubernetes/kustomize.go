package kubernetes

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// kustomizations are the names under which a kustomization is found.
var kustomizations = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// kustomize builds a kustomization from what was delivered alone: no network,
// no plugins, nothing from outside.
func kustomize(dir string, all files) ([]*unstructured.Unstructured, error) {
	const op = "build kustomization"
	disk := filesys.MakeFsInMemory()
	for name, raw := range all {
		if slices.Contains(kustomizations, path.Base(name)) {
			if err := selfContained(name, raw, all); err != nil {
				return nil, err
			}
		}
		if err := disk.WriteFile("/"+name, raw); err != nil {
			return nil, invalid(op, "", err)
		}
	}
	o := krusty.MakeDefaultOptions()
	o.LoadRestrictions, o.PluginConfig = types.LoadRestrictionsRootOnly, types.DisabledPluginConfig()
	m, err := krusty.MakeKustomizer(o).Run(disk, "/"+dir)
	if err != nil {
		return nil, invalid(op, "", err)
	}
	raw, err := m.AsYaml()
	if err != nil {
		return nil, invalid(op, "", err)
	}
	return decode(dir, raw)
}

// elsewhere is what kustomize fetches as a file, and repository what it clones,
// over the network or from this machine's own disk. It takes either before it
// looks at what was delivered.
var (
	elsewhere  = regexp.MustCompile(`(?i)^https?:`)
	repository = regexp.MustCompile(`(?i)^(git::|https?:|ssh:|file:|github\.com[/:]|[a-z][a-z0-9-]*@)`)
)

// selfContained refuses a kustomization that names anything but what was
// delivered: kustomize would fetch it, and nobody signed what comes. Keys are
// compared as kustomize does it, whatever their case.
func selfContained(name string, raw []byte, all files) error {
	const op, keep = "read kustomization", "keep it in the repository and list it under build.artifacts: only what was signed is released"
	var whole map[string]any
	if err := yaml.Unmarshal(raw, &whole); err != nil {
		return invalid(op, "", fmt.Errorf("%s: %w", name, err))
	}
	for _, key := range sorted(whole) {
		is := func(other string) bool { return strings.EqualFold(key, other) }
		switch {
		case slices.ContainsFunc([]string{"generators", "transformers", "validators", "helmCharts", "helmChartInflationGenerator", "helmGlobals"}, is):
			return invalid(op, "use the kustomization's own fields, which do the same; deliver a chart as one",
				fmt.Errorf("%s: %s are programs with inputs of their own, which nobody can see to be among the artifacts", name, key))
		case slices.ContainsFunc([]string{"resources", "bases", "components"}, is):
			list, _ := whole[key].([]any)
			for _, r := range list {
				if r := fmt.Sprint(r); repository.MatchString(r) || !all.has(path.Join(path.Dir(name), r)) {
					return invalid(op, keep, fmt.Errorf("%s names %s, which is not among the artifacts", name, r))
				}
			}
		default:
			if u := fetched(key, whole[key]); u != "" {
				return invalid(op, keep, fmt.Errorf("%s: %s names %s, which is fetched from elsewhere", name, key, u))
			}
		}
	}
	return nil
}

// has tells whether there is a file, or a directory with files, of that name.
func (all files) has(name string) bool {
	if _, ok := all[name]; ok {
		return true
	}
	for f := range all {
		if strings.HasPrefix(f, name+"/") {
			return true
		}
	}
	return false
}

// texts are keys whose values are used as they are, and never read from a file.
var texts = []string{"literals", "patch", "annotations", "commonAnnotations", "labels", "commonLabels"}

// fetched finds an address among the files that a value names, each alone or
// after "NAME=".
func fetched(key string, v any) string {
	if slices.Contains(texts, key) {
		return ""
	}
	switch v := v.(type) {
	case string:
		_, file, _ := strings.Cut(v, "=")
		for _, s := range []string{v, file} {
			if elsewhere.MatchString(s) {
				return s
			}
		}
	case []any:
		for _, e := range v {
			if u := fetched("", e); u != "" {
				return u
			}
		}
	case map[string]any:
		for _, k := range sorted(v) {
			if u := fetched(k, v[k]); u != "" {
				return u
			}
		}
	}
	return ""
}
