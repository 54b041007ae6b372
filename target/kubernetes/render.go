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
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"fairlead.dev"
)

// files are the contents of a release's artifacts, by name.
type files map[string][]byte

// needed gives the artifacts from which the manifests are made: all that share
// the first folder with them, the values, and the image references.
func needed(c Config, artifacts []fairlead.Artifact) ([]fairlead.Artifact, error) {
	top, _, _ := strings.Cut(c.Manifests, "/")
	var out []fairlead.Artifact
	found, sum := false, int64(0)
	for _, a := range artifacts {
		inside := a.Name == strings.TrimSuffix(c.Manifests, "/") || strings.HasPrefix(a.Name, strings.TrimSuffix(c.Manifests, "/")+"/")
		found = found || inside
		image := slices.ContainsFunc(values(c.Images), func(f string) bool { return f == a.Name })
		if inside || image || slices.Contains(c.Values, a.Name) || strings.HasPrefix(a.Name, top+"/") {
			out, sum = append(out, a), sum+a.Size
		}
	}
	if sum > maxRelease {
		return nil, invalid("read release", "keep what is not a manifest out of "+top+"/", fmt.Errorf("%d files at %s/ have %d bytes, at most %d fit", len(out), top, sum, maxRelease))
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
	ctx, stop := context.WithTimeout(ctx, helmTime)
	defer stop()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = filepath.Join(dir, "chart")
	cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH")}
	cmd.WaitDelay = time.Second
	out, said := bounded{stop: stop}, bounded{stop: stop}
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	switch {
	case out.full || said.full:
		return nil, invalid(op, "let the chart make less", fmt.Errorf("helm template writes more than %d bytes", maxRelease))
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, invalid(op, "let the chart do less", fmt.Errorf("helm template takes more than %s", helmTime))
	case err != nil:
		return nil, invalid(op, "", fmt.Errorf("helm template: %w: %s", err, strings.TrimSpace(said.kept.String())))
	}
	return decode(c.Manifests, out.kept.Bytes())
}

// helmTime is how long the templates of a chart may take.
const helmTime = time.Minute

// bounded keeps what a program writes, and stops one that writes too much.
type bounded struct {
	kept bytes.Buffer // not embedded: its ReadFrom knows no bound
	stop context.CancelFunc
	full bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.kept.Len()+len(p) > maxRelease {
		b.full = true
		b.stop()
		return 0, io.ErrShortWrite
	}
	return b.kept.Write(p)
}
