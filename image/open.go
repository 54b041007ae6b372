package image

import (
	"archive/tar"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"fairlead.dev"
)

// DefaultPlatform is the one that is read of an image for several.
const DefaultPlatform = "linux/amd64"

// The labels and annotations that tell the base image.
const (
	baseDigest = "org.opencontainers.image.base.digest"
	baseName   = "org.opencontainers.image.base.name"
	refName    = "org.opencontainers.image.ref.name" // of the image itself
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
	if !info.Mode().IsRegular() { // a pipe would be waited for
		return false
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
	} else if err = regular(path); err == nil {
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
