package image_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"fairlead.dev"
	"fairlead.dev/image"
	"fairlead.dev/internal/imagetest"
)

// nest puts the list of a layout into another list, as builders for several
// platforms do, with an image for another platform and an attestation beside it.
func nest(t *testing.T, dir, name, variant string) {
	t.Helper()
	var index struct {
		Manifests []map[string]any `json:"manifests"`
	}
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err == nil {
		err = json.Unmarshal(b, &index)
	}
	if err != nil {
		t.Fatal(err)
	}
	amd, arm, about := index.Manifests[0], map[string]any{}, map[string]any{}
	for k, v := range amd {
		arm[k], about[k] = v, v
	}
	amd["platform"] = map[string]string{"os": "linux", "architecture": "amd64"}
	arm["platform"] = map[string]string{"os": "linux", "architecture": "arm64", "variant": variant}
	about["platform"] = map[string]string{"os": "unknown", "architecture": "unknown"}
	arm["digest"], about["digest"] = "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	list(t, dir, name, amd, arm, about)
}

// list makes a list of descriptors, and a layout of which it is the only entry.
func list(t *testing.T, dir, name string, all ...map[string]any) {
	t.Helper()
	inner, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": all})
	if err != nil {
		t.Fatal(err)
	}
	digest := fairlead.DigestBytes(inner)
	outer := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":%q,"size":%d,"annotations":{"org.opencontainers.image.ref.name":%q}}]}`, digest, len(inner), name)
	for file, content := range map[string]string{filepath.Join("blobs", "sha256", digest.Hex()): string(inner), "index.json": outer} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestImageForSeveralPlatforms(t *testing.T) {
	dir := t.TempDir()
	untagged := shop()
	untagged.Tag = ""
	want := imagetest.Layout(t, dir, untagged)
	nest(t, dir, "shop:9", "v8")
	img, err := image.Open(dir, "")
	if err != nil || string(img.Digest) != want || img.Name != "shop:9" {
		t.Fatalf("%+v, %v", img, err)
	}
	tree, err := read(t, img, image.Reader{})
	if err != nil || len(tree.Files()) == 0 {
		t.Errorf("files %v, %v", tree, err)
	}
	for platform, says := range map[string]string{"windows/amd64": "linux/amd64, linux/arm64/v8", "linux/arm64": "blobs", "linux/arm64/v8": "blobs", "a/b/c/d": "platform"} {
		if _, err := image.Open(dir, platform); fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want it to say %q", platform, err, says)
		}
	}
}

// The base image is told by the annotation when the layout holds it, too: also
// where the history tells nothing.
func TestBaseByAnnotation(t *testing.T) {
	dir := t.TempDir()
	own := shop()
	own.Steps = append(own.Steps[:1:1], own.Steps[2:]...)
	base := imagetest.Image{Steps: own.Steps[:1]}
	digest := imagetest.Layout(t, dir, base)
	own.Annotations = map[string]string{"org.opencontainers.image.base.digest": digest, "org.opencontainers.image.base.name": "registry.test/base:1"}
	imagetest.Layout(t, dir, own)
	img, err := image.Open(dir, "")
	if err != nil || img.BaseBy != "annotation" || img.BaseName != "registry.test/base:1" ||
		img.Layers[0].Origin != image.OriginBase || img.Layers[1].Origin != image.OriginOwn {
		t.Errorf("%+v, %v", img, err)
	}
	blob := filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))
	for name, spoil := range map[string]func() error{
		"another content": func() error { return os.WriteFile(blob, []byte("{}"), 0o600) },
		"a link out":      func() error { return os.Symlink("/dev/zero", blob) },
		"nothing":         func() error { return nil },
	} {
		if err := os.Remove(blob); err != nil {
			t.Fatal(err)
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		img, err := image.Open(dir, "")
		if err != nil || img.BaseBy != "" || img.Layers[0].Origin != image.OriginUnknown {
			t.Errorf("%s: %+v, %v", name, img, err)
		}
		if name == "nothing" { // something to remove in the next turn
			if err := os.WriteFile(blob, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestHostileLayouts(t *testing.T) {
	layout := func() string {
		dir := t.TempDir()
		imagetest.Layout(t, dir, shop())
		return dir
	}
	blob := func(dir, digest string) string { return filepath.Join(dir, "blobs", "sha256", digest[7:]) }
	circle := layout()
	many := []map[string]any{}
	for i := range 200 {
		inner := fmt.Sprintf(`{"schemaVersion":2,"manifests":[],"n":%d}`, i)
		digest := string(fairlead.DigestBytes([]byte(inner)))
		if err := os.WriteFile(blob(circle, digest), []byte(inner), 0o600); err != nil {
			t.Fatal(err)
		}
		many = append(many, map[string]any{"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest, "size": len(inner)})
	}
	list(t, circle, "", many...)
	big := t.TempDir()
	digest := imagetest.Layout(t, big, shop())
	if err := os.Truncate(blob(big, digest), 1<<40); err != nil {
		t.Fatal(err)
	}
	link := t.TempDir()
	digest = imagetest.Layout(t, link, shop())
	if err := os.Remove(blob(link, digest)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", blob(link, digest)); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"lists without end": circle, "a manifest of a terabyte": big, "a manifest that is a device": link} {
		if _, err := image.Open(dir, ""); fairlead.KindOf(err) != fairlead.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A pipe is no image: nobody waits for what may come out of it.
func TestPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if image.Is(pipe) {
		t.Error("a pipe is taken for an image")
	}
	if _, err := image.Open(pipe, ""); fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("opened: %v", err)
	}
}

// What an archive says of itself is checked before any of it is read.
func TestHostileArchives(t *testing.T) {
	const manifest = `[{"Config":"c.json","Layers":["l.tar"]}]`
	small := imagetest.Entry{Name: "manifest.json", Body: manifest}
	config := imagetest.Entry{Name: "c.json", Body: "{}"}
	link := func(name, to string) imagetest.Entry { return imagetest.Entry{Name: name, Link: to, Type: '2'} }
	for name, entries := range map[string][]imagetest.Entry{
		"two manifests":              {{Name: "./manifest.json", Zeros: 20 << 20}, small, config},
		"a large one by another way": {{Name: "a/../manifest.json", Zeros: 20 << 20}, config},
		"a configuration by a link":  {small, link("c.json", "big"), {Name: "big", Zeros: 20 << 20}},
		"a manifest by a link":       {link("manifest.json", "m"), {Name: "m", Body: manifest}, config},
		"links in circles":           {small, config, link("l.tar", "m.tar"), link("m.tar", "l.tar")},
		"no layer":                   {small, config},
	} {
		p := filepath.Join(t.TempDir(), "image.tar")
		if err := os.WriteFile(p, imagetest.Tar(t, entries), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := image.Open(p, ""); fairlead.KindOf(err) != fairlead.KindInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
