package image_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"fairlead.dev"
	"fairlead.dev/image"
	"fairlead.dev/internal/imagetest"
)

func all(string, fs.FileInfo) bool { return true }

func shop() imagetest.Image {
	return imagetest.Image{Tag: "shop:1.2", Steps: []imagetest.Step{
		{Command: "ADD rootfs", Entries: []imagetest.Entry{
			{Name: "usr/lib/os-release", Body: "ID=debian\n"},
			{Name: "etc/os-release", Type: tar.TypeSymlink, Link: "../usr/lib/os-release"},
			{Name: "etc/gone", Body: "x"},
			{Name: "opt/old/a", Body: "a"},
			{Name: "opt/old/b", Body: "b"},
			{Name: "lib", Type: tar.TypeSymlink, Link: "/usr/lib"},
		}},
		{Command: `CMD ["bash"]`},
		{Command: "COPY . .", Entries: []imagetest.Entry{
			{Name: "etc/.wh.gone"},
			{Name: "opt/old/c", Body: "c"},
			{Name: "opt/old/.wh..wh..opq"},
			{Name: "lib/own", Body: "through a link"},
			{Name: "bin/su", Body: "#!", Mode: 0o4755},
			{Name: "/abs", Body: "absolute"},
			{Name: "hard", Type: tar.TypeLink, Link: "abs"},
			{Name: "usr/lib/os-release", Body: "ID=debian\nVERSION_ID=12\n"},
		}},
		{Command: `ENTRYPOINT ["/shop"]`},
	}}
}

func open(t *testing.T, i imagetest.Image) *image.Image {
	t.Helper()
	dir := t.TempDir()
	imagetest.Layout(t, dir, i)
	img, err := image.Open(dir, "")
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func read(t *testing.T, img *image.Image, r image.Reader) (*image.Tree, error) {
	t.Helper()
	if r.Keep == nil {
		r.Keep = all
	}
	if r.Limits == (image.Limits{}) {
		r.Limits = image.DefaultLimits()
	}
	tree, err := img.Read(t.Context(), t.TempDir(), r)
	if err == nil {
		t.Cleanup(func() { _ = tree.Close() })
	}
	return tree, err
}

func paths(tree *image.Tree) string {
	var out []string
	for _, f := range tree.Files() {
		out = append(out, f.Path)
	}
	return strings.Join(out, " ")
}

func TestLayoutAndArchiveSayTheSame(t *testing.T) {
	dir := t.TempDir()
	imagetest.Archive(t, filepath.Join(dir, "shop.tar"), shop())
	digest := imagetest.Layout(t, filepath.Join(dir, "layout"), shop())
	for _, name := range []string{"shop.tar", "layout"} {
		p := filepath.Join(dir, name)
		if !image.Is(p) {
			t.Errorf("%s is not seen to be an image", name)
		}
		img, err := image.Open(p, "")
		if err != nil {
			t.Fatal(err)
		}
		if name == "layout" && string(img.Digest) != digest {
			t.Errorf("digest %s, want %s", img.Digest, digest)
		}
		if img.Name != "shop:1.2" || img.Platform != "linux/amd64" || img.BaseBy != "history" || len(img.Layers) != 2 ||
			img.Layers[0].Origin != image.OriginBase || img.Layers[1].Origin != image.OriginOwn || img.Layers[1].Command != "COPY . ." {
			t.Errorf("%s: %+v", name, img)
		}
		tree, err := read(t, img, image.Reader{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := paths(tree), "abs bin/su hard opt/old/c usr/lib/os-release usr/lib/own"; got != want {
			t.Errorf("%s: files %q, want %q", name, got, want)
		}
		if err := fstest.TestFS(only{tree}, "abs", "usr/lib/own"); err != nil {
			t.Error(err)
		}
		for p, want := range map[string]string{"etc/os-release": "ID=debian\nVERSION_ID=12\n", "lib/own": "through a link", "hard": "absolute"} {
			if b, err := fs.ReadFile(tree, p); err != nil || string(b) != want {
				t.Errorf("%s: %q, %v", p, b, err)
			}
		}
		var layers []int
		for _, v := range tree.Versions("usr/lib/os-release") {
			layers = append(layers, v.Layer)
		}
		if !slices.Equal(layers, []int{1, 0}) {
			t.Errorf("versions in layers %v", layers)
		}
		i := slices.IndexFunc(tree.Files(), func(f image.File) bool { return f.Path == "bin/su" })
		if tree.Files()[i].Mode&fs.ModeSetuid == 0 {
			t.Error("setuid is lost")
		}
	}
}

// only hides what TestFS would take for more than a file system.
type only struct{ fs.ReadDirFS }

func TestBase(t *testing.T) {
	i := shop()
	base := imagetest.Image{Steps: i.Steps[:1]}
	i.Steps = slices.Delete(i.Steps, 1, 2) // the history tells nothing now
	img := open(t, i)
	if img.BaseBy != "" || img.Layers[0].Origin != image.OriginUnknown {
		t.Errorf("told by %q: %+v", img.BaseBy, img.Layers)
	}
	if !img.Base(open(t, base)) || img.BaseBy != "given" || img.Layers[0].Origin != image.OriginBase || img.Layers[1].Origin != image.OriginOwn {
		t.Errorf("told by %q: %+v", img.BaseBy, img.Layers)
	}
	if open(t, base).Base(img) {
		t.Error("a longer image is no base")
	}
	img.Scratch()
	if img.Layers[0].Origin != image.OriginOwn {
		t.Error("all layers of an image from scratch are its own")
	}
}

func TestLookSeesWhatIsDeletedLater(t *testing.T) {
	var seen []string
	_, err := read(t, open(t, shop()), image.Reader{LookMax: 100, Look: func(f image.File, content []byte) error {
		seen = append(seen, f.Path+"="+string(content))
		return nil
	}})
	if err != nil || !slices.Contains(seen, "etc/gone=x") {
		t.Errorf("%v, %v", seen, err)
	}
}

// TestLookSeesTheBeginning: of a large file the beginning is shown, and all of it
// is kept.
func TestLookSeesTheBeginning(t *testing.T) {
	shown := ""
	tree, err := read(t, open(t, imagetest.Image{Steps: []imagetest.Step{{Entries: []imagetest.Entry{{Name: "long", Body: "0123456789"}}}}}), image.Reader{
		Keep: func(string, fs.FileInfo) bool { return true }, LookMax: 4, Look: func(f image.File, content []byte) error {
			shown = f.Path + " " + strconv.FormatInt(f.Size, 10) + " " + string(content)
			return nil
		},
	})
	if err != nil || shown != "long 10 0123" {
		t.Fatalf("%q, %v", shown, err)
	}
	if b, err := fs.ReadFile(tree, "long"); err != nil || string(b) != "0123456789" {
		t.Errorf("kept %q, %v", b, err)
	}
}

// TestHostileEntries: what leads out of the image is refused and told, and the
// rest is read.
func TestHostileEntries(t *testing.T) {
	tree, err := read(t, open(t, imagetest.Image{Steps: []imagetest.Step{{Entries: []imagetest.Entry{
		{Name: "../../etc/passwd", Body: "root"},
		{Name: "a/../../b", Body: "b"},
		{Name: "out", Type: tar.TypeLink, Link: "../../../etc/shadow"},
		{Name: "round", Type: tar.TypeSymlink, Link: "about"},
		{Name: "about", Type: tar.TypeSymlink, Link: "round"},
		{Name: "round/file", Body: "never"},
		{Name: "host", Type: tar.TypeSymlink, Link: "../../../../etc"},
		{Name: "host/passwd", Body: "inside"},
		{Name: "abs", Type: tar.TypeSymlink, Link: "/etc/passwd"},
		{Name: "bad\xff\xfename", Body: "bytes"},
		{Name: strings.Repeat("d/", 4000) + "f", Body: "deep"},
		{Name: "good", Body: "good"},
	}}}}), image.Reader{})
	if err != nil {
		t.Fatal(err)
	}
	told, more := tree.Refused()
	var refused []string
	for _, r := range told {
		if !r.Unsafe {
			t.Errorf("%s is refused as if it were honest", r.Path)
		}
		refused = append(refused, r.Path[:min(len(r.Path), 20)])
	}
	want := []string{"../../etc/passwd", "a/../../b", "out", "round/file", strings.Repeat("d/", 10)}
	if more != 0 || !slices.Equal(refused, want) {
		t.Errorf("refused %q, want %q", refused, want)
	}
	if got := paths(tree); got != `bad\xff\xfename etc/passwd good` {
		t.Errorf("files %q", got)
	}
	for p, want := range map[string]string{"abs": "inside", "host/passwd": "inside"} {
		if b, err := fs.ReadFile(tree, p); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", p, b, err)
		}
	}
	if _, err := fs.ReadFile(tree, "round"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a link in circles: %v", err)
	}
}

// TestLimits: an image that is made to be too much ends in one clear problem.
func TestLimits(t *testing.T) {
	small := image.DefaultLimits()
	small.Entries, small.Bytes = 3, 64<<10
	many := make([]imagetest.Entry, 5)
	for i := range many {
		many[i] = imagetest.Entry{Name: strings.Repeat("x", i+1)}
	}
	for _, c := range []struct {
		name, want string
		entries    []imagetest.Entry
		limits     image.Limits
	}{
		{"many entries", "more than 3 entries", many, small},
		{"many bytes", "larger than what is read", []imagetest.Entry{{Name: "a", Zeros: 100 << 10}}, small},
	} {
		_, err := read(t, open(t, imagetest.Image{Steps: []imagetest.Step{{Entries: c.entries}}}), image.Reader{Limits: c.limits, Keep: func(string, fs.FileInfo) bool { return false }})
		if fairlead.KindOf(err) != fairlead.KindInvalid || !errors.Is(err, image.ErrImage) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for name, bomb := range map[string][]byte{"gzip": imagetest.GzipBomb(t, 1<<30), "zstd": imagetest.ZstdBomb(t, 1<<30)} {
		_, err := read(t, open(t, imagetest.Image{Steps: []imagetest.Step{{Packed: bomb}}}), image.Reader{})
		if fairlead.KindOf(err) != fairlead.KindInvalid || !strings.Contains(err.Error(), "decompression bomb") {
			t.Errorf("a gigabyte of zeros as %d bytes of %s: %v", len(bomb), name, err)
		}
	}
	one := image.DefaultLimits()
	one.File = 10
	tree, err := read(t, open(t, imagetest.Image{Steps: []imagetest.Step{{Entries: []imagetest.Entry{{Name: "large", Zeros: 11}, {Name: "small"}}}}}), image.Reader{Limits: one})
	if err != nil {
		t.Fatal(err)
	}
	if told, _ := tree.Refused(); paths(tree) != "small" || len(told) != 1 || told[0].Unsafe {
		t.Errorf("files %q, refused %v", paths(tree), told)
	}
}

func TestWrongContent(t *testing.T) {
	for _, what := range []string{"manifest", "config", "layer"} {
		i := shop()
		i.Corrupt = what
		dir := t.TempDir()
		imagetest.Layout(t, dir, i)
		img, err := image.Open(dir, "")
		if err == nil {
			_, err = read(t, img, image.Reader{})
		}
		if fairlead.KindOf(err) != fairlead.KindInvalid || !errors.Is(err, image.ErrImage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	i := shop()
	whole := imagetest.Tar(t, i.Steps[0].Entries)
	i.Steps[0] = imagetest.Step{Tar: whole[:1024+100]}
	if _, err := read(t, open(t, i), image.Reader{}); fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("a layer cut short: %v", err)
	}
}

func TestNotAnImage(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	bad := filepath.Join(dir, "layout")
	imagetest.Layout(t, bad, shop())
	if err := os.WriteFile(filepath.Join(bad, "index.json"), []byte(`{"schemaVersion":2,"manifests":[{`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{
		filepath.Join(dir, "nothing"), dir, bad, write("text", []byte("hello")),
		write("plain.tar", imagetest.Tar(t, []imagetest.Entry{{Name: "a", Body: "a"}})),
		write("cut.tar", imagetest.Tar(t, []imagetest.Entry{{Name: "manifest.json", Body: `[{"Config":"c","Lay`}})),
		write("large.tar", imagetest.Tar(t, []imagetest.Entry{{Name: "c", Zeros: 9 << 20}, {Name: "manifest.json", Body: `[{"Config":"c","Layers":[]}]`}})),
		write("two.tar", imagetest.Tar(t, []imagetest.Entry{{Name: "manifest.json", Body: `[{"Config":"c","Layers":[]},{"Config":"c","Layers":[]}]`}})),
	} {
		if _, err := image.Open(p, ""); fairlead.KindOf(err) != fairlead.KindInvalid || fairlead.HintOf(err) == "" {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func TestFetch(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	from := t.TempDir()
	want := imagetest.Layout(t, from, shop())
	l, err := layout.FromPath(from)
	if err != nil {
		t.Fatal(err)
	}
	index, err := l.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	img, err := l.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host + "/shop:1.2")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "image")
	if err := image.Fetch(t.Context(), ref.String(), "", to); err != nil {
		t.Fatal(err)
	}
	got, err := image.Open(to, "")
	if err != nil || string(got.Digest) != want || got.Name != ref.String() {
		t.Fatalf("%+v, %v", got, err)
	}
	layers, err := image.Layers(t.Context(), ref.String(), "")
	if err != nil || len(layers) != 2 || layers[0] != string(got.Layers[0].Digest) {
		t.Errorf("layers %v, %v", layers, err)
	}
	for ref, kind := range map[string]fairlead.Kind{
		host + "/shop:9": fairlead.KindNotFound, "Not A Reference": fairlead.KindInvalid,
	} {
		if err := image.Fetch(t.Context(), ref, "", filepath.Join(t.TempDir(), "x")); fairlead.KindOf(err) != kind {
			t.Errorf("%s: %v", ref, err)
		}
	}
	server.Close()
	if err := image.Fetch(t.Context(), ref.String(), "", filepath.Join(t.TempDir(), "x")); fairlead.KindOf(err) != fairlead.KindTransient {
		t.Errorf("no registry: %v", err)
	}
}

func FuzzLayer(f *testing.F) {
	f.Add(imagetest.Tar(f, shop().Steps[0].Entries))
	f.Add(imagetest.Tar(f, shop().Steps[2].Entries))
	f.Add([]byte("not a tar"))
	f.Fuzz(func(t *testing.T, layer []byte) {
		img := open(t, imagetest.Image{Steps: []imagetest.Step{{Tar: append([]byte{}, layer...)}}})
		tree, err := img.Read(t.Context(), t.TempDir(), image.Reader{Limits: image.DefaultLimits(), Keep: all})
		if err != nil {
			if fairlead.KindOf(err) != fairlead.KindInvalid {
				t.Fatal(err)
			}
			return
		}
		defer tree.Close()
		for _, file := range tree.Files() {
			if !fs.ValidPath(file.Path) {
				t.Errorf("path %q", file.Path)
			}
			if o, err := tree.Open(file.Path); err == nil {
				_, _ = io.Copy(io.Discard, o)
			}
		}
	})
}

func FuzzArchive(f *testing.F) {
	p := filepath.Join(f.TempDir(), "shop.tar")
	imagetest.Archive(f, p, imagetest.Image{Steps: []imagetest.Step{{Entries: []imagetest.Entry{{Name: "a", Body: "a"}}}}})
	b, err := os.ReadFile(p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(bytes.TrimRight(b, "\x00"))
	f.Fuzz(func(t *testing.T, content []byte) {
		p := filepath.Join(t.TempDir(), "x.tar")
		if err := os.WriteFile(p, content, 0o600); err != nil {
			t.Fatal(err)
		}
		img, err := image.Open(p, "")
		if err == nil {
			var tree *image.Tree
			if tree, err = img.Read(t.Context(), t.TempDir(), image.Reader{Limits: image.DefaultLimits(), Keep: all}); err == nil {
				_ = tree.Close()
			}
		}
		if err != nil && fairlead.KindOf(err) != fairlead.KindInvalid {
			t.Fatal(err)
		}
	})
}
