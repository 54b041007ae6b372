package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPull holds which image a reference finds.
func TestPull(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "shop")
	if err := os.WriteFile(binary, []byte("program"), 0o700); err != nil {
		t.Fatal(err)
	}
	one, two := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	path := filepath.Join(t.TempDir(), "images.json")
	content := `{
		"host:5000/shop": {"binary": "` + binary + `", "args": ["any"]},
		"host:5000/shop:v2": {"binary": "` + binary + `", "args": ["v2"]},
		"host:5000/shop@` + one + `": {"binary": "` + binary + `", "args": ["one"]},
		"pinned": {"binary": "` + binary + `", "digest": "` + one + `"}
	}`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	images := NewImages(path)
	for reference, args := range map[string]string{
		"host:5000/shop":               "any",
		"host:5000/shop:v1":            "any",
		"host:5000/shop:v2":            "v2",
		"host:5000/shop@" + one:        "one",
		"host:5000/shop:v2@" + one:     "one",
		"host:5000/shop:latest@" + two: "any",
	} {
		image, err := images.Pull(reference)
		if err != nil || len(image.Args) != 1 || image.Args[0] != args || image.Name != "shop" {
			t.Errorf("%s: %+v %v, want %s", reference, image, err, args)
		}
		if _, digest, pinned := strings.Cut(reference, "@"); pinned && image.Digest != digest {
			t.Errorf("%s has digest %s", reference, image.Digest)
		}
	}
	if image, err := images.Pull("pinned@" + one); err != nil || image.Digest != one {
		t.Errorf("pinned: %+v %v", image, err)
	}
	for _, reference := range []string{"shop", "host:5000/shopping", "pinned@" + two} {
		if _, err := images.Pull(reference); err == nil || !strings.HasSuffix(err.Error(), reference+": not found") {
			t.Errorf("%s: %v", reference, err)
		}
	}
	if _, err := NewImages(path + "absent").Pull("shop"); err == nil {
		t.Error("an image was found in no file")
	}
}
