package image

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"fairlead.dev"
)

// mostIndexes is how many lists of images are read of one layout.
const mostIndexes = 100

func openLayout(path, platform string) (*Image, error) {
	wanted, err := v1.ParsePlatform(platform)
	if err != nil {
		return nil, problem(fairlead.KindInvalid, "platforms are like linux/amd64", err)
	}
	if err := smallFile(filepath.Join(path, "index.json")); err != nil {
		return nil, err
	}
	raw, err := os.ReadFile(filepath.Join(path, "index.json"))
	if err != nil {
		return nil, err
	}
	c := &chooser{path: path, platform: *wanted, seen: map[v1.Hash]bool{}}
	if err := c.list(raw, ""); err != nil {
		return nil, err
	}
	d, err := c.only()
	if err != nil {
		return nil, err
	}
	raw, m, err := manifestOf(path, d.Digest)
	if err != nil {
		return nil, err
	}
	if err := blobs(path, m); err != nil {
		return nil, err
	}
	img, err := partial.CompressedToImage(&kept{layout.Path(path), d, raw, m})
	if err != nil {
		return nil, err
	}
	out := &Image{Digest: fairlead.Digest(d.Digest.String()), Name: d.Annotations[refName], source: source{dir: path}}
	return out, out.describe(img, m.Annotations, layoutBase(path, m.Annotations[baseDigest]))
}

// chooser finds the image for a platform in a list, and in the lists in it.
type chooser struct {
	path     string
	platform v1.Platform
	seen     map[v1.Hash]bool
	images   []v1.Descriptor
	others   []string // platforms that the rest is for
}

// list looks through a list, whose name its images have unless they have one.
func (c *chooser) list(raw []byte, name string) error {
	index, err := v1.ParseIndexManifest(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	for _, d := range index.Manifests {
		if c.seen[d.Digest] {
			continue
		}
		c.seen[d.Digest] = true
		named := cmp.Or(d.Annotations[refName], name)
		switch {
		case d.MediaType.IsIndex():
			if len(c.seen) > mostIndexes {
				return fmt.Errorf("it has more than %d lists and images", mostIndexes)
			}
			b, err := blob(c.path, d.Digest)
			if err != nil {
				return err
			}
			if err := c.list(b, named); err != nil {
				return err
			}
		case !d.MediaType.IsImage():
		case d.Platform != nil && !d.Platform.Satisfies(c.platform):
			c.others = append(c.others, d.Platform.String())
		default:
			d.Annotations = map[string]string{refName: named}
			c.images = append(c.images, d)
		}
	}
	return nil
}

func (c *chooser) only() (v1.Descriptor, error) {
	if len(c.images) != 1 {
		slices.Sort(c.others)
		return v1.Descriptor{}, problem(fairlead.KindInvalid, "--platform names one", fmt.Errorf("there are %d images for %s, and others for %s",
			len(c.images), c.platform, cmp.Or(strings.Join(slices.Compact(c.others), ", "), "no platform")))
	}
	return c.images[0], nil
}

// manifestOf reads the manifest of an image.
func manifestOf(path string, h v1.Hash) (raw []byte, m *v1.Manifest, err error) {
	if raw, err = blob(path, h); err == nil {
		m, err = v1.ParseManifest(bytes.NewReader(raw))
	}
	return raw, m, err
}

// kept is an image of a layout, wherever in its lists it is.
type kept struct {
	layout     layout.Path
	descriptor v1.Descriptor
	raw        []byte
	manifest   *v1.Manifest
}

// MediaType is that of the manifest.
func (k *kept) MediaType() (types.MediaType, error) { return k.descriptor.MediaType, nil }

// RawManifest gives the manifest, whose digest was checked.
func (k *kept) RawManifest() ([]byte, error) { return k.raw, nil }

// RawConfigFile reads the configuration.
func (k *kept) RawConfigFile() ([]byte, error) {
	return blob(string(k.layout), k.manifest.Config.Digest)
}

// LayerByDigest gives a layer, or the configuration as one.
func (k *kept) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	for _, d := range append(slices.Clone(k.manifest.Layers), k.manifest.Config) {
		if d.Digest == h {
			return &packedLayer{k.layout, d}, nil
		}
	}
	return nil, fmt.Errorf("it has no layer %s", h)
}

// packedLayer is a layer as it lies in the layout.
type packedLayer struct {
	layout     layout.Path
	descriptor v1.Descriptor
}

// Digest is that of the compressed bytes.
func (l *packedLayer) Digest() (v1.Hash, error) { return l.descriptor.Digest, nil }

// Compressed reads the bytes as they are.
func (l *packedLayer) Compressed() (io.ReadCloser, error) { return l.layout.Blob(l.descriptor.Digest) }

// Size is of the compressed bytes.
func (l *packedLayer) Size() (int64, error) { return l.descriptor.Size, nil }

// MediaType says how it is compressed.
func (l *packedLayer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }

// blobs checks sizes of what is read into memory, and that every blob is a file
// of the layout and no link.
func blobs(path string, m *v1.Manifest) error {
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
func layoutBase(path, digest string) []v1.Hash {
	h, err := v1.NewHash(digest)
	if err != nil {
		return nil
	}
	_, m, err := manifestOf(path, h)
	if err != nil {
		return nil
	}
	raw, err := blob(path, m.Config.Digest)
	if err != nil {
		return nil
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(raw))
	if err != nil {
		return nil
	}
	return config.RootFS.DiffIDs
}
