package lock

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// sizeOf gives the length in bytes of a digest, -1 when the algorithm is not known.
func sizeOf(algorithm string) int {
	switch algorithm {
	case "MD5":
		return 16
	case "SHA-1":
		return 20
	case "SHA-256":
		return 32
	case "SHA-384":
		return 48
	case "SHA-512":
		return 64
	}
	return -1
}

// base64Hash reads a digest in base 64.
func base64Hash(algorithm, text string) (Hash, bool) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) != sizeOf(algorithm) {
		return Hash{}, false
	}
	return Hash{algorithm, hex.EncodeToString(b)}, true
}

// hexHash reads a digest in base 16.
func hexHash(algorithm, text string) (Hash, bool) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != sizeOf(algorithm) {
		return Hash{}, false
	}
	return Hash{algorithm, hex.EncodeToString(b)}, true
}

// integrity reads what browsers and npm call integrity: "sha512-" and base 64,
// several with spaces between.
func integrity(text string) []Hash {
	var out []Hash
	for word := range strings.FieldsSeq(text) {
		name, sum, _ := strings.Cut(word, "-")
		algorithm := map[string]string{"sha1": "SHA-1", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512"}[name]
		if h, ok := base64Hash(algorithm, sum); ok {
			out = append(out, h)
		}
	}
	return out
}
