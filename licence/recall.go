package licence

import (
	"crypto/sha256"
	"encoding/hex"

	"fairlead.dev/format/spdx"
)

// Recalled is what a text was recognised as, to be kept from one scan to the
// next.
type Recalled struct {
	Expression string  `json:"expression,omitempty"`
	Percent    float64 `json:"percent"`
	OK         bool    `json:"ok,omitempty"`
}

// Recall gives a finder what an earlier one kept, by the SHA-256 of the text.
// What cannot be read is recognised again.
func (f *Finder) Recall(kept map[string]Recalled) {
	for sum, r := range kept {
		b, err := hex.DecodeString(sum)
		if err != nil || len(b) != sha256.Size {
			continue
		}
		known := recognised{percent: r.Percent, ok: r.OK}
		if r.Expression != "" {
			if known.expression, err = spdx.Parse(r.Expression); err != nil {
				continue
			}
		}
		f.known[[sha256.Size]byte(b)] = known
	}
}

// Kept gives all that a finder recognised or recalled.
func (f *Finder) Kept() map[string]Recalled {
	out := make(map[string]Recalled, len(f.known))
	for sum, r := range f.known {
		kept := Recalled{Percent: r.percent, OK: r.ok}
		if r.some() {
			kept.Expression = r.expression.String()
		}
		out[hex.EncodeToString(sum[:])] = kept
	}
	return out
}
