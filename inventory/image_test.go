package inventory_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/image"
	"fairlead.dev/internal/imagetest"
	"fairlead.dev/inventory"
)

// theirs reads a file that the library's own tests use.
func theirs(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/google/osv-scalibr").Output()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "extractor", "filesystem", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func dpkg(packages ...string) string {
	var b strings.Builder
	for i := 0; i < len(packages); i += 2 {
		fmt.Fprintf(&b, "Package: %s\nStatus: install ok installed\nArchitecture: amd64\nVersion: %s\n\n", packages[i], packages[i+1])
	}
	return b.String()
}

// installed lists an image's components as "purl path layer-number base".
func installed(t *testing.T, i imagetest.Image) ([]string, inventory.Inventory) {
	t.Helper()
	dir := t.TempDir()
	imagetest.Layout(t, dir, i)
	img, err := image.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	keep, err := inventory.Wanted()
	if err != nil {
		t.Fatal(err)
	}
	tree, err := img.Read(t.Context(), t.TempDir(), image.Reader{Limits: image.DefaultLimits(), Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	found, err := inventory.Image(t.Context(), img, tree, inventory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range found.Components {
		layer := slices.IndexFunc(img.Layers, func(l image.Layer) bool { return string(l.Digest) == c.Property(cyclonedx.PropertyLayer) })
		out = append(out, fmt.Sprintf("%s %s %d %s", c.PURL, c.Found[0].Path, layer, c.Property(cyclonedx.PropertyBase)))
	}
	return out, found
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("found\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// TestImageLayers: a package belongs to the layer that brought this version of
// it, not to the last one that wrote the file it is named in.
func TestImageLayers(t *testing.T) {
	release := imagetest.Entry{Name: "etc/os-release", Body: "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"}
	status := func(packages ...string) imagetest.Entry {
		return imagetest.Entry{Name: "var/lib/dpkg/status", Body: dpkg(packages...)}
	}
	got, _ := installed(t, imagetest.Image{Steps: []imagetest.Step{
		{Entries: []imagetest.Entry{release, status("libc6", "2.36-9", "openssl", "3.0.1", "gone", "1")}},
		{Command: `CMD ["bash"]`},
		{Entries: []imagetest.Entry{status("libc6", "2.36-9", "openssl", "3.0.2", "curl", "8.0")}},
		{Entries: []imagetest.Entry{
			status("libc6", "2.36-9", "openssl", "3.0.2", "curl", "8.0", "jq", "1.6"),
			{Name: "app/node_modules/left-pad/package.json", Body: `{"name":"left-pad","version":"1.3.0","license":"WTFPL"}`},
			{Name: "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA", Body: "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n"},
		}},
	}})
	deb := "var/lib/dpkg/status"
	same(
		t, got,
		"pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=bookworm "+deb+" 0 true",
		"pkg:deb/debian/openssl@3.0.2?arch=amd64&distro=bookworm "+deb+" 1 false",
		"pkg:deb/debian/curl@8.0?arch=amd64&distro=bookworm "+deb+" 1 false",
		"pkg:deb/debian/jq@1.6?arch=amd64&distro=bookworm "+deb+" 2 false",
		"pkg:npm/left-pad@1.3.0 app/node_modules/left-pad/package.json 2 false",
		"pkg:pypi/six@1.16.0 usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA 2 false",
	)
}

func TestImageAPK(t *testing.T) {
	got, found := installed(t, imagetest.Image{Steps: []imagetest.Step{{Entries: []imagetest.Entry{
		{Name: "etc/os-release", Body: "ID=alpine\nVERSION_ID=3.20.1\n"},
		{Name: "lib/apk/db/installed", Body: "C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\n\nP:ssl_client\nV:1.36.1-r29\nA:x86_64\nL:GPL-2.0-only\no:busybox\n\n"},
	}}}})
	same(
		t, got,
		"pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=3.20.1&origin=musl lib/apk/db/installed 0 ",
		"pkg:apk/alpine/ssl_client@1.36.1-r29?arch=x86_64&distro=3.20.1&origin=busybox lib/apk/db/installed 0 ",
	)
	if l := found.Components[0].Licenses; len(l) != 1 || l[0].ID != "MIT" {
		t.Errorf("licences %+v", l)
	}
}

// Each of the three kinds of database that rpm has had is read, wherever a distribution
// keeps it.
func TestImageRPM(t *testing.T) {
	for place, c := range map[string]struct{ theirs, want string }{
		"var/lib/rpm/Packages":              {"Packages_epoch", "&epoch="},
		"usr/lib/sysimage/rpm/Packages.db":  {"Packages.db", "sourcerpm="},
		"usr/lib/sysimage/rpm/rpmdb.sqlite": {"rpmdb.sqlite", "distro=rocky-9.3"},
	} {
		got, found := installed(t, imagetest.Image{Steps: []imagetest.Step{{Entries: []imagetest.Entry{
			{Name: "etc/os-release", Body: "ID=rocky\nVERSION_ID=9.3\n"},
			{Name: place, Body: theirs(t, "os/rpm/testdata/"+c.theirs)},
		}}}})
		if len(got) < 1 || !strings.Contains(strings.Join(got, "\n"), c.want) || !strings.HasPrefix(got[0], "pkg:rpm/rocky/") {
			t.Errorf("%s: found %q, unreadable %v", place, got, found.Unreadable)
		}
	}
}

func TestImageProgram(t *testing.T) {
	got, _ := installed(t, imagetest.Image{Steps: []imagetest.Step{{Entries: []imagetest.Entry{
		{Name: "usr/bin/tool", Mode: 0o755, Body: theirs(t, "language/golang/gobinary/testdata/binary_with_modules-linux-amd64")},
		{Name: "usr/bin/script", Mode: 0o755, Body: "#!/bin/sh\n"},
	}}}})
	if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "pkg:golang/stdlib@") }) || len(got) < 3 {
		t.Errorf("found %q", got)
	}
}

// TestImageHostileFiles: what cannot be read is told, and the rest is listed.
func TestImageHostileFiles(t *testing.T) {
	got, found := installed(t, imagetest.Image{Steps: []imagetest.Step{{Entries: []imagetest.Entry{
		{Name: "../var/lib/dpkg/status", Body: dpkg("evil", "1")},
		{Name: "var/lib/rpm/rpmdb.sqlite", Body: "SQLite format 3\x00 and no more"},
		{Name: "app/node_modules/cut/package.json", Body: `{"name":"cut","ver`},
		{Name: "app/node_modules/good/package.json", Body: `{"name":"good","version":"1.0.0"}`},
		{Name: "app/bomb.jar", Body: string(imagetest.Zip(t, "a.jar", 1<<30))},
	}}}})
	same(t, got, "pkg:npm/good@1.0.0 app/node_modules/good/package.json 0 ")
	var missing []string
	for _, u := range found.Unreadable {
		missing = append(missing, u.Path)
	}
	slices.Sort(missing)
	for _, p := range []string{"../var/lib/dpkg/status", "var/lib/rpm/rpmdb.sqlite", "app/bomb.jar"} {
		if !slices.Contains(missing, p) {
			t.Errorf("%s is passed over in silence: %q", p, missing)
		}
	}
}
