package kubernetes

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// byDigest is an image reference that stands for the same bytes for ever.
var byDigest = regexp.MustCompile(`^[^\s@]+@sha256:[0-9a-f]{64}$`)

// pin gives every container its image by digest. One that has none is refused,
// unless the config allows tags.
func pin(c Config, objects []*unstructured.Unstructured, all files) error {
	const op = "read images"
	refs := map[string]string{}
	for name, file := range c.Images {
		ref := strings.TrimSpace(string(all[file]))
		if !byDigest.MatchString(ref) {
			return invalid(op, "let the build write the reference by digest there: registry/name@sha256:...", fmt.Errorf("artifact %s of image %s says %.200q", file, name, ref))
		}
		refs[name] = ref
	}
	used := map[string]bool{}
	for _, o := range objects {
		for _, by := range images(o) {
			image, _ := by.of[by.key].(string)
			name := bare(image)
			if ref, ok := refs[name]; ok {
				by.of[by.key], image = ref, ref
				used[name] = true
			}
			if !byDigest.MatchString(image) && !c.AllowTags {
				return invalid(op, "name it by digest, or map it: images: {"+name+": FILE-WITH-THE-REFERENCE}; allow-tags is for development",
					fmt.Errorf("%s: image %q is not named by digest", title(o), image))
			}
		}
	}
	for _, name := range sorted(refs) {
		if !used[name] {
			return invalid(op, "write it as the manifests do, without tag", fmt.Errorf("images: no container uses %s", name))
		}
	}
	return nil
}

// bare is an image's name without tag and digest.
func bare(image string) string {
	name, _, _ := strings.Cut(image, "@")
	if i := strings.LastIndex(name, ":"); i > strings.LastIndex(name, "/") {
		name = name[:i]
	}
	return name
}

// named is where an object names an image.
type named struct {
	of  map[string]any
	key string
}

// images gives every place where a workload names an image, to be changed
// there: its containers and the volumes that are images.
func images(o *unstructured.Unstructured) []named {
	at := []string{"spec", "template", "spec"}
	switch o.GetKind() {
	case "Pod":
		at = []string{"spec"}
	case "CronJob":
		at = []string{"spec", "jobTemplate", "spec", "template", "spec"}
	case "PodTemplate":
		at = []string{"template", "spec"}
	}
	found, _, _ := unstructured.NestedFieldNoCopy(o.Object, at...)
	spec, _ := found.(map[string]any)
	var out []named
	for _, key := range []string{"initContainers", "containers", "ephemeralContainers"} {
		for _, container := range objectsIn(spec[key]) {
			out = append(out, named{container, "image"})
		}
	}
	for _, volume := range objectsIn(spec["volumes"]) {
		if image, ok := volume["image"].(map[string]any); ok {
			out = append(out, named{image, "reference"})
		}
	}
	return out
}

// objectsIn gives the objects of a list.
func objectsIn(list any) []map[string]any {
	all, _ := list.([]any)
	var out []map[string]any
	for _, e := range all {
		if o, ok := e.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}
