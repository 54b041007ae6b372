package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"fairlead.dev"
)

// DefaultPlatform is the one that is read of an image for several.
const DefaultPlatform = "linux/amd64"

// The labels and annotations that tell the base image.
const (
	baseDigest = "org.opencontainers.image.base.digest"
	baseName   = "org.opencontainers.image.base.name"
)

// source is where layers are read from: a layout's directory or an archive.
type source struct {
	dir, file string
	layers    []v1.Layer
}

// Is tells whether the path is an OCI layout directory or a tar file, by a look
// at its beginning.
func Is(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if info.IsDir() {
		_, err := os.Stat(filepath.Join(path, "oci-layout"))
		return err == nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	_, err = tar.NewReader(io.LimitReader(f, 1<<20)).Next()
	return err == nil
}

// Open opens the image at path. Of one for several platforms it takes the one
// named ("linux/arm64"), "" is [DefaultPlatform]. The digests of manifest and
// configuration are checked here, those of layers while they are read.
func Open(path, platform string) (*Image, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, problem(fairlead.KindInvalid, hintKinds, err)
	}
	var out *Image
	if info.IsDir() {
		out, err = openLayout(path, cmp.Or(platform, DefaultPlatform))
	} else {
		out, err = openTar(path)
	}
	if err != nil {
		if fairlead.HintOf(err) != "" {
			return nil, err
		}
		return nil, problem(fairlead.KindInvalid, hintKinds, fmt.Errorf("%w: %w", ErrImage, err))
	}
	return out, nil
}

func openLayout(path, platform string) (*Image, error) {
	if err := smallFile(filepath.Join(path, "index.json")); err != nil {
		return nil, err
	}
	l, err := layout.FromPath(path)
	if err != nil {
		return nil, err
	}
	index, err := l.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	d, err := choose(l, manifest.Manifests, platform, 0)
	if err != nil {
		return nil, err
	}
	img, err := l.Image(d.Digest)
	if err != nil {
		return nil, err
	}
	raw, err := img.RawManifest()
	if err != nil {
		return nil, err
	}
	out := &Image{Digest: fairlead.Digest(d.Digest.String()), Name: d.Annotations["org.opencontainers.image.ref.name"], source: source{dir: path}}
	if got := fairlead.DigestBytes(raw); got != out.Digest {
		return nil, fmt.Errorf("the manifest has digest %s, not %s", got, out.Digest)
	}
	var m v1.Manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	if err := blobs(path, m); err != nil {
		return nil, err
	}
	return out, out.describe(img, m.Annotations, layoutBase(l, m.Annotations[baseDigest]))
}

// choose finds the image for a platform in a list, through lists in it.
func choose(l layout.Path, all []v1.Descriptor, platform string, depth int) (v1.Descriptor, error) {
	if depth > 4 {
		return v1.Descriptor{}, errors.New("its indexes contain one another")
	}
	var images []v1.Descriptor
	var known []string
	for _, d := range all {
		if d.MediaType.IsIndex() {
			b, err := blob(string(l), d.Digest)
			if err != nil {
				return v1.Descriptor{}, err
			}
			inner, err := v1.ParseIndexManifest(bytes.NewReader(b))
			if err != nil {
				return v1.Descriptor{}, err
			}
			if found, err := choose(l, inner.Manifests, platform, depth+1); err == nil {
				return found, nil
			}
			continue
		}
		if !d.MediaType.IsImage() {
			continue
		}
		if d.Platform != nil && d.Platform.String() != platform {
			known = append(known, d.Platform.String())
			continue
		}
		images = append(images, d)
	}
	if len(images) != 1 {
		slices.Sort(known)
		return v1.Descriptor{}, problem(fairlead.KindInvalid, "--platform names one", fmt.Errorf("there are %d images for %s, and others for %s",
			len(images), platform, cmp.Or(strings.Join(known, ", "), "no platform")))
	}
	return images[0], nil
}

// blobs checks sizes of what is read into memory, and that every blob is a file
// of the layout and no link.
func blobs(path string, m v1.Manifest) error {
	if len(m.Layers) > mostLayers {
		return fmt.Errorf("it has %d layers, more than %d", len(m.Layers), mostLayers)
	}
	if _, err := blob(path, m.Config.Digest); err != nil {
		return err
	}
	for _, d := range m.Layers {
		if err := regular(blobPath(path, d.Digest)); err != nil {
			return err
		}
	}
	return nil
}

func blobPath(path string, h v1.Hash) string {
	return filepath.Join(path, "blobs", filepath.Base(h.Algorithm), filepath.Base(h.Hex))
}

// blob reads a small blob and checks its digest.
func blob(path string, h v1.Hash) ([]byte, error) {
	name := blobPath(path, h)
	if err := smallFile(name); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if got := fairlead.DigestBytes(b); string(got) != h.String() {
		return nil, fmt.Errorf("blob %s has digest %s", h, got)
	}
	return b, nil
}

func regular(name string) error {
	info, err := os.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", filepath.Base(name))
	}
	return err
}

func smallFile(name string) error {
	if err := regular(name); err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err == nil && info.Size() > mostMeta {
		err = fmt.Errorf("%s has %d bytes, more than %d", filepath.Base(name), info.Size(), mostMeta)
	}
	return err
}

// layoutBase gives the layers of the base image when the layout holds it too.
func layoutBase(l layout.Path, digest string) []v1.Hash {
	h, err := v1.NewHash(digest)
	if err != nil {
		return nil
	}
	img, err := l.Image(h)
	if err != nil {
		return nil
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil
	}
	return config.RootFS.DiffIDs
}

func openTar(path string) (*Image, error) {
	opener := func() (io.ReadCloser, error) { return os.Open(path) }
	if err := surveyTar(path); err != nil {
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
	out := &Image{source: source{file: path}}
	if tags := slices.Sorted(slices.Values(manifest[0].RepoTags)); len(tags) > 0 {
		out.Name = tags[0]
	}
	return out, out.describe(img, nil, nil)
}

// surveyTar looks at an archive before any of it is read into memory: it has a
// manifest, and neither that nor a configuration is large.
func surveyTar(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	sizes := map[string]int64{}
	r := tar.NewReader(f)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if sizes[h.Name] = h.Size; len(sizes) > 100_000 {
			return errors.New("the archive has more than 100000 entries")
		}
	}
	size, ok := sizes["manifest.json"]
	if !ok || size > mostMeta {
		return fmt.Errorf("the archive has no manifest.json of at most %d bytes", mostMeta)
	}
	m, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(path) })
	if err != nil {
		return err
	}
	for _, d := range m {
		if sizes[d.Config] > mostMeta {
			return fmt.Errorf("the configuration has %d bytes, more than %d", sizes[d.Config], mostMeta)
		}
	}
	return nil
}

// describe reads the configuration, and what it tells of layers.
func (i *Image) describe(img v1.Image, annotations map[string]string, base []v1.Hash) error {
	raw, err := img.RawConfigFile()
	if err != nil {
		return err
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	if len(layers) != len(config.RootFS.DiffIDs) {
		return fmt.Errorf("it has %d layers, and its configuration tells of %d", len(layers), len(config.RootFS.DiffIDs))
	}
	i.ID = fairlead.DigestBytes(raw)
	i.Platform = strings.Trim(config.OS+"/"+config.Architecture+"/"+config.Variant, "/")
	i.Created = config.Created.UTC()
	i.User, i.Env, i.Labels = config.Config.User, config.Config.Env, config.Config.Labels
	check := config.Config.Healthcheck
	i.Healthy = check != nil && len(check.Test) > 0 && check.Test[0] != "NONE"
	i.BaseName = cmp.Or(annotations[baseName], i.Labels[baseName])
	for n, id := range config.RootFS.DiffIDs {
		i.Layers = append(i.Layers, Layer{Digest: fairlead.Digest(id.String()), Origin: OriginUnknown, Command: command(config.History, n)})
	}
	i.source.layers = layers
	if !i.base(base, "annotation") {
		i.byHistory(config.History)
	}
	return nil
}
