package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"fairlead.dev"
)

// mostFetched is how many bytes of layers are fetched, compressed.
const mostFetched = 32 << 30

// Fetch gets an image from its registry and writes it as an OCI layout into
// dir, which is made. Credentials are those that docker login left. It is the
// only thing here that uses the network.
func Fetch(ctx context.Context, reference, platform, dir string) error {
	ref, img, err := remotely(ctx, reference, platform)
	if err != nil {
		return err
	}
	manifest, err := img.Manifest()
	if err != nil {
		return fetchProblem(ctx, ref, err)
	}
	var size int64
	for _, l := range manifest.Layers {
		size += max(l.Size, 0)
	}
	if size > mostFetched || len(manifest.Layers) > mostLayers {
		return problem(fairlead.KindInvalid, "", fmt.Errorf("%s has %d layers of %d bytes, which is more than is fetched", ref, len(manifest.Layers), size))
	}
	l, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = l.AppendImage(img, layout.WithAnnotations(map[string]string{refName: ref.String()}))
	}
	if err != nil {
		return fetchProblem(ctx, ref, err)
	}
	return nil
}

// Layers gives the digests of the uncompressed layers of an image in a registry,
// from the bottom up. It fetches no layer.
func Layers(ctx context.Context, reference, platform string) ([]string, error) {
	ref, img, err := remotely(ctx, reference, platform)
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fetchProblem(ctx, ref, err)
	}
	var out []string
	for _, id := range config.RootFS.DiffIDs {
		out = append(out, id.String())
	}
	return out, nil
}

// remotely finds an image in its registry.
func remotely(ctx context.Context, reference, platform string) (name.Reference, v1.Image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, nil, problem(fairlead.KindInvalid, hintKinds, err)
	}
	p, err := v1.ParsePlatform(cmp.Or(platform, DefaultPlatform))
	if err != nil {
		return nil, nil, problem(fairlead.KindInvalid, "platforms are like linux/amd64", err)
	}
	img, err := remote.Image(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithPlatform(*p))
	if err != nil {
		return nil, nil, fetchProblem(ctx, ref, err)
	}
	return ref, img, nil
}

func fetchProblem(ctx context.Context, ref name.Reference, err error) error {
	var status *transport.Error
	var path *os.PathError
	kind, hint := fairlead.KindTransient, "is the registry "+ref.Context().RegistryStr()+" up?"
	switch {
	case ctx.Err() != nil:
		kind, hint = fairlead.KindCancelled, ""
	case errors.As(err, &path):
		kind, hint = fairlead.KindUnavailable, "is the disk full?"
	case errors.As(err, &status) && status.StatusCode == http.StatusNotFound:
		kind, hint = fairlead.KindNotFound, "is the reference right?"
	case errors.As(err, &status) && (status.StatusCode == http.StatusUnauthorized || status.StatusCode == http.StatusForbidden):
		kind, hint = fairlead.KindDenied, "docker login keeps credentials for a registry"
	case strings.Contains(err.Error(), "no child with platform"):
		kind, hint = fairlead.KindInvalid, "--platform names one that the image is for"
	}
	return problem(kind, hint, fmt.Errorf("fetch %s: %w", ref, err))
}
