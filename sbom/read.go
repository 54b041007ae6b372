package sbom

import (
	"bytes"
	"errors"
	"fmt"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/format/spdx"
)

// MaxSize is the largest document that is read, in bytes.
const MaxSize = 256 << 20

// Read reads a document of any known format: CycloneDX 1.2 to 1.7 in JSON or
// XML, SPDX 2.1 to 2.3 in JSON or as tags and values. The format is told by
// the content and given as "CycloneDX 1.6" or "SPDX 2.3". Anything else is
// KindInvalid.
func Read(b []byte) (cyclonedx.Document, string, error) {
	if len(b) > MaxSize {
		return cyclonedx.Document{}, "", invalid(fmt.Errorf("%d bytes are more than %d", len(b), MaxSize))
	}
	head := b[:min(len(b), 64<<10)]
	if bytes.Contains(head, []byte("spdxVersion")) || bytes.Contains(head, []byte("SPDXVersion:")) || bytes.Contains(head, []byte(`"SPDXID"`)) {
		d, err := spdx.Decode(b)
		if err != nil {
			return cyclonedx.Document{}, "", invalid(err)
		}
		return FromSPDX(d), "SPDX " + d.Version, nil
	}
	d, err := cyclonedx.Decode(b)
	if err != nil {
		return cyclonedx.Document{}, "", invalid(err)
	}
	return d, "CycloneDX " + d.SpecVersion, nil
}

func invalid(err error) error {
	hint := "CycloneDX 1.2 to 1.7 (JSON, XML) and SPDX 2 (JSON, tag-value) are read"
	if errors.Is(err, spdx.ErrDocument) {
		hint = "of SPDX, versions 2.1 to 2.3 are read, as JSON or tag-value"
	}
	return &fairlead.Problem{Op: "read bill of materials", Kind: fairlead.KindInvalid, Err: err, Hint: hint}
}
