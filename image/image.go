// Package image reads container images: an OCI layout directory, the tar file
// that docker save and podman save write, or what a registry gives. It is the
// only place that knows go-containerregistry. Nothing in an image is trusted:
// every digest is checked, layers are streamed inside limits, and no path or
// link leads out of the image.
package image

import (
	"errors"
	"time"

	"fairlead.dev"
)

// Origin says where a layer comes from.
type Origin string

// The origins. What nothing tells is unknown, never own.
const (
	OriginBase    Origin = "base" // of the image this one was built from
	OriginOwn     Origin = "own"
	OriginUnknown Origin = "unknown"
)

// Image is what an image says of itself.
type Image struct {
	Name     string          // as the archive or its annotations name it; "" when they do not
	Digest   fairlead.Digest // of the manifest; "" in an archive without one
	ID       fairlead.Digest // of the configuration
	Platform string          // "linux/amd64"
	Created  time.Time       // zero when it is not said
	User     string          // that the process runs as; "" is root
	Healthy  bool            // it has a health check
	Env      []string        // "NAME=value"
	Labels   map[string]string
	Layers   []Layer
	BaseName string // reference of the base image, as annotations or labels name it
	BaseBy   string // what told base from own: "given", "annotation", "history"; "" when nothing did

	source source
}

// Layer is one layer, from the bottom up.
type Layer struct {
	Digest  fairlead.Digest // of the uncompressed tar
	Command string          // that made it, as the history says
	Origin  Origin
}

// Limits bound what is read of an image.
type Limits struct {
	Bytes   int64 // of all layers, uncompressed
	Entries int   // of all layers
	Kept    int64 // bytes of files that are kept
	File    int64 // bytes of one file that is kept
	Ratio   int64 // how far a layer of more than 64 MiB may be compressed
}

// DefaultLimits are generous for honest images.
func DefaultLimits() Limits {
	return Limits{Bytes: 64 << 30, Entries: 3_000_000, Kept: 8 << 30, File: 1 << 30, Ratio: 200}
}

const (
	// mostLayers is how many layers an image may have.
	mostLayers = 1000
	// mostMeta is how large a manifest, an index or a configuration may be, in bytes.
	mostMeta = 8 << 20
)

// ErrImage is in the chain of every error about a malformed or hostile image.
var ErrImage = errors.New("not an image that can be trusted")

const hintKinds = "an OCI layout directory, a tar file as docker save writes it, or a reference such as registry.example/shop:1.2 are images"

func problem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "read image", Kind: kind, Hint: hint, Err: err}
}
