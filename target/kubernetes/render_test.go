package kubernetes

import (
	"context"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fairlead.dev"
	"fairlead.dev/target"
)

const plain = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop, tier: web}}
  template:
    metadata: {labels: {app: shop, tier: web}}
    spec: {containers: [{name: shop, image: "registry.test/shop:v1"}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{port: 80}]}
`

const pinned = "registry.test/shop@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// made renders and sorts as a delivery does.
func made(t *testing.T, c Config, all files) (*release, error) {
	t.Helper()
	objects, err := render(context.Background(), c, "shop", all)
	if err != nil {
		return nil, err
	}
	if err := admit(objects, "ns"); err != nil {
		return nil, err
	}
	if err := pin(c, objects, all); err != nil {
		return nil, err
	}
	return sort(c, fairlead.DigestBytes(nil), objects)
}

func TestImagesByDigest(t *testing.T) {
	c := Config{Manifests: "deploy", Images: map[string]string{"registry.test/shop": "image.txt"}}
	r, err := made(t, c, files{"deploy/a.yaml": []byte(plain), "image.txt": []byte(pinned + "\n")})
	if err != nil {
		t.Fatal(err)
	}
	if got := images(r.home)[0].of["image"]; got != pinned {
		t.Errorf("the image is %v", got)
	}
	for name, tt := range map[string]struct {
		config Config
		image  string
		want   string
	}{
		"a tag":           {Config{Manifests: "deploy"}, "", "is not named by digest"},
		"no digest":       {c, "registry.test/shop:v1", `says "registry.test/shop:v1"`},
		"an unused name":  {Config{Manifests: "deploy", AllowTags: true, Images: map[string]string{"shop": "image.txt"}}, pinned, "no container uses shop"},
		"two Deployments": {Config{Manifests: "deploy", AllowTags: true, Deployment: "none"}, "", "there is no Deployment none"},
		"another Service": {Config{Manifests: "deploy", AllowTags: true, Traffic: Traffic{Service: "none"}}, "", "there is no Service none"},
	} {
		_, err := made(t, tt.config, files{"deploy/a.yaml": []byte(plain), "image.txt": []byte(tt.image)})
		if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := made(t, Config{Manifests: "deploy/a.yaml", AllowTags: true}, files{"deploy/a.yaml": []byte(plain)}); err != nil {
		t.Errorf("tags are allowed: %v", err)
	}
}

func TestObjectsThatAreRefused(t *testing.T) {
	for name, tt := range map[string]struct{ add, want string }{
		"twice":             {"---" + plain, "is there twice"},
		"another namespace": {"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: other}", "is for namespace other"},
		"no name":           {"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {}", "has no name"},
		"no kind":           {"---\nmetadata: {name: a}", "needs apiVersion and kind"},
		"two Services":      {"---\napiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {selector: {tier: web}}", "several Services"},
		"key twice":         {"---\na: 1\na: 2", "already set"},
	} {
		_, err := made(t, Config{Manifests: "deploy", AllowTags: true}, files{"deploy/a.yaml": []byte(plain + tt.add)})
		if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The pods of a copy are selected neither by the user's Service nor by the
// user's Deployment.
func TestCopyIsApart(t *testing.T) {
	r, err := made(t, Config{Manifests: "deploy", AllowTags: true}, files{"deploy/a.yaml": []byte(plain)})
	if err != nil {
		t.Fatal(err)
	}
	at := placeOf("staging", "shop")
	labels := podLabels(r.copyObject(at, 3))
	if within(selectorOf(r.home), labels) {
		t.Errorf("home selects %v", labels)
	}
	if within(map[string]string{"app": "shop"}, labels) {
		t.Errorf("the Service selects %v", labels)
	}
	if !within(selectorOf(r.copyObject(at, 3)), labels) || !within(r.copyLabels(at), labels) {
		t.Errorf("the copy does not select %v", labels)
	}
	if labels[labelRelease] != tag(r.id) || podLabels(r.homeObject(at, 3))[labelRelease] != tag(r.id) {
		t.Error("pods do not say of which release they are")
	}
	if len(copyName(strings.Repeat("x", 80), r.id)) > 63 {
		t.Error("the copy's name is too long")
	}
}

func placeOf(environment, service string) target.Place {
	return target.Place{Environment: environment, Service: service}
}

func podLabels(o *unstructured.Unstructured) map[string]string {
	m, _, _ := unstructured.NestedStringMap(o.Object, "spec", "template", "metadata", "labels")
	return m
}
