package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"fairlead.dev"
)

func openTar(file string) (*Image, error) {
	opener := func() (io.ReadCloser, error) { return os.Open(file) }
	if err := surveyTar(file); err != nil {
		return nil, err
	}
	manifest, err := tarball.LoadManifest(opener)
	if err != nil {
		return nil, err
	}
	if len(manifest) != 1 {
		return nil, problem(fairlead.KindInvalid, "save one image at a time", fmt.Errorf("the archive has %d images", len(manifest)))
	}
	if len(manifest[0].Layers) > mostLayers {
		return nil, fmt.Errorf("it has %d layers, more than %d", len(manifest[0].Layers), mostLayers)
	}
	img, err := tarball.Image(opener, nil)
	if err != nil {
		return nil, err
	}
	out := &Image{source: source{file: file}}
	if tags := slices.Sorted(slices.Values(manifest[0].RepoTags)); len(tags) > 0 {
		out.Name = tags[0]
	}
	return out, out.describe(img, nil, nil)
}

// entry is what an archive says of one of its files.
type entry struct {
	size int64
	typ  byte
	link string // what a link leads to
}

// surveyTar looks at an archive before any of it is read into memory: it has a
// manifest, neither that nor a configuration is large, and no link leads in
// circles: the library would follow it.
func surveyTar(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	entries := map[string]entry{}
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name := path.Clean(h.Name) // as the library finds it
		if _, ok := entries[name]; ok && h.Typeflag != tar.TypeDir {
			return fmt.Errorf("the archive has %q twice", name)
		}
		if entries[name] = (entry{h.Size, h.Typeflag, h.Linkname}); len(entries) > 100_000 {
			return errors.New("the archive has more than 100000 entries")
		}
	}
	if !small(entries, "manifest.json") {
		return fmt.Errorf("the archive has no manifest.json of at most %d bytes", mostMeta)
	}
	m, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(file) })
	if err != nil {
		return err
	}
	for _, d := range m {
		if !small(entries, path.Clean(d.Config)) {
			return fmt.Errorf("the archive has no configuration of at most %d bytes", mostMeta)
		}
		for _, name := range d.Layers {
			name = path.Clean(name)
			if e := entries[name]; e.typ == tar.TypeSymlink || e.typ == tar.TypeLink { // one layer under two names
				name = path.Join(path.Dir(name), e.link)
			}
			if entries[name].typ != tar.TypeReg {
				return fmt.Errorf("the archive has no layer %q", name)
			}
		}
	}
	return nil
}

func small(entries map[string]entry, name string) bool {
	e, ok := entries[name]
	return ok && e.typ == tar.TypeReg && e.size <= mostMeta
}
