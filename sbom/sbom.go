// Package sbom works on bills of materials, whoever made them: it reads every
// format, writes one as another, tells two apart and scores them. It touches
// bytes and nothing else.
package sbom

// The properties in which a component says what CycloneDX has no place for.
const (
	PropertyLayer = "fairlead:layer" // "sha256:...": of the image's layer that brought it, uncompressed
	PropertyBase  = "fairlead:base"  // "true" when the layer belongs to the base image, "false" when not; absent when unknown
)
