package inventory

// Origin says where a layer of an image comes from.
type Origin string

// The origins. That nothing tells is unknown, never own.
const (
	OriginBase    Origin = "base" // of the image this one was built from
	OriginOwn     Origin = "own"
	OriginUnknown Origin = "unknown"
)

// Layer is a layer of a container image.
type Layer struct {
	Digest string // "sha256:...": of the uncompressed layer
	Origin Origin
}
