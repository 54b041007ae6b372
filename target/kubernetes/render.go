package kubernetes

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"fairlead.dev"
)

// files are the contents of a release's artifacts, by name.
type files map[string][]byte

// kustomizations are the names under which a kustomization is found.
var kustomizations = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// needed gives the artifacts from which the manifests are made: all that share
// the first folder with them, the values, and the image references.
func needed(c Config, artifacts []fairlead.Artifact) ([]fairlead.Artifact, error) {
	top, _, _ := strings.Cut(c.Manifests, "/")
	var out []fairlead.Artifact
	found := false
	for _, a := range artifacts {
		inside := a.Name == strings.TrimSuffix(c.Manifests, "/") || strings.HasPrefix(a.Name, strings.TrimSuffix(c.Manifests, "/")+"/")
		found = found || inside
		image := slices.ContainsFunc(values(c.Images), func(f string) bool { return f == a.Name })
		if inside || image || slices.Contains(c.Values, a.Name) || strings.HasPrefix(a.Name, top+"/") {
			out = append(out, a)
		}
	}
	if !found {
		return nil, invalid("read release", "list them under build.artifacts, for example "+top+"/**", fmt.Errorf("no artifact lies at %s, where the manifests are to be", c.Manifests))
	}
	return out, nil
}

func values(m map[string]string) []string {
	var out []string
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// render makes the objects of the manifests.
func render(ctx context.Context, c Config, service string, all files) ([]*unstructured.Unstructured, error) {
	dir := strings.TrimSuffix(c.Manifests, "/")
	if raw, ok := all[dir]; ok {
		return decode(dir, raw)
	}
	if _, ok := all[dir+"/Chart.yaml"]; ok {
		return helm(ctx, c, service, all)
	}
	for _, k := range kustomizations {
		if _, ok := all[dir+"/"+k]; ok {
			return kustomize(dir, all)
		}
	}
	var out []*unstructured.Unstructured
	for _, name := range sorted(all) {
		if !strings.HasPrefix(name, dir+"/") || !slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name)) {
			continue
		}
		objects, err := decode(name, all[name])
		if err != nil {
			return nil, err
		}
		out = append(out, objects...)
	}
	return out, nil
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// decode reads the objects of one file; a List gives its items.
func decode(name string, raw []byte) ([]*unstructured.Unstructured, error) {
	fail := func(err error) error { return invalid("read manifests", "", fmt.Errorf("%s: %w", name, err)) }
	var out []*unstructured.Unstructured
	r := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(raw)))
	for {
		doc, err := r.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fail(err)
		}
		raw, err := yaml.YAMLToJSONStrict(doc)
		if err != nil {
			return nil, fail(err)
		}
		if text := string(raw); text == "null" || text == "{}" {
			continue
		}
		var head metav1.TypeMeta
		if err := json.Unmarshal(raw, &head); err != nil || head.Kind == "" || head.APIVersion == "" {
			return nil, fail(errors.New("an object needs apiVersion and kind"))
		}
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(raw); err != nil {
			return nil, fail(err)
		}
		if !u.IsList() {
			out = append(out, u)
			continue
		}
		list, err := u.ToList()
		if err != nil {
			return nil, fail(err)
		}
		for i := range list.Items {
			out = append(out, &list.Items[i])
		}
	}
}

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

// selfContained refuses a kustomization that names anything but what was
// delivered: kustomize would fetch it, and nobody signed what comes.
func selfContained(name string, raw []byte, all files) error {
	var k struct {
		Resources  []string `json:"resources"`
		Bases      []string `json:"bases"`
		Components []string `json:"components"`
	}
	var whole map[string]any
	if err := errors.Join(yaml.Unmarshal(raw, &k), yaml.Unmarshal(raw, &whole)); err != nil {
		return invalid("read kustomization", "", fmt.Errorf("%s: %w", name, err))
	}
	for _, r := range slices.Concat(k.Resources, k.Bases, k.Components) {
		at := path.Join(path.Dir(name), r)
		if _, ok := all[at]; !ok && !slices.ContainsFunc(sorted(all), func(f string) bool { return strings.HasPrefix(f, at+"/") }) {
			return invalid("read kustomization", "keep it in the repository and list it under build.artifacts: only what was signed is released",
				fmt.Errorf("%s names %s, which is not among the artifacts", name, r))
		}
	}
	for _, key := range []string{"crds", "configurations", "patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "openapi", "transformers", "generators", "validators", "configMapGenerator", "secretGenerator", "helmCharts"} {
		if u := remote(whole[key]); u != "" {
			return invalid("read kustomization", "keep it in the repository", fmt.Errorf("%s: %s names %s, which is fetched from elsewhere", name, key, u))
		}
	}
	return nil
}

// remote finds an address in what a kustomization says.
func remote(v any) string {
	switch v := v.(type) {
	case string:
		if strings.HasPrefix(v, "http://") || strings.HasPrefix(v, "https://") || strings.HasPrefix(v, "git@") || strings.HasPrefix(v, "ssh://") {
			return v
		}
	case []any:
		for _, e := range v {
			if u := remote(e); u != "" {
				return u
			}
		}
	case map[string]any:
		for _, key := range sorted(v) {
			if u := remote(v[key]); u != "" && key != "literals" && key != "patch" {
				return u
			}
		}
	}
	return ""
}

// helm renders a chart with the program of that name, in a directory that holds
// what was delivered and nothing else.
func helm(ctx context.Context, c Config, service string, all files) ([]*unstructured.Unstructured, error) {
	const op = "render chart"
	program, err := exec.LookPath("helm")
	if err != nil {
		return nil, unavailable(op, "install helm where the control plane runs, or deliver plain manifests", errors.New("helm is not installed"))
	}
	dir, err := os.MkdirTemp("", "fairlead-chart-")
	if err != nil {
		return nil, unavailable(op, "", err)
	}
	defer os.RemoveAll(dir)
	for name, raw := range all {
		if err := writeFile(filepath.Join(dir, "chart", filepath.FromSlash(name)), raw); err != nil {
			return nil, unavailable(op, "", err)
		}
	}
	args := []string{"template", service, path.Clean(c.Manifests)}
	if c.Namespace != "" {
		args = append(args, "--namespace", c.Namespace)
	}
	for _, v := range c.Values {
		args = append(args, "--values", v)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = filepath.Join(dir, "chart")
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, invalid(op, "", fmt.Errorf("helm template: %w: %s", err, strings.TrimSpace(said.String())))
	}
	return decode(c.Manifests, out.Bytes())
}
