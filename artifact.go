package fairlead

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Host is the name under which Fairlead's identifiers live. It is the module
// path of go.mod; a test holds the two together.
const Host = "fairlead.dev"

// Digest names content: "sha256:" and 64 lower-case hex digits.
type Digest string

const digestPrefix = "sha256:"

// DigestBytes gives the digest of b.
func DigestBytes(b []byte) Digest {
	sum := sha256.Sum256(b)
	return Digest(digestPrefix + hex.EncodeToString(sum[:]))
}

// DigestJSON gives the digest of v's JSON encoding. Maps are encoded with
// sorted keys, so equal values have equal digests. A value that has no JSON
// encoding is a defect of the caller and panics.
func DigestJSON(v any) Digest {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("fairlead: digest of %T: %v", v, err))
	}
	return DigestBytes(b)
}

// DigestReader reads r to its end and gives its digest and size in bytes.
func DigestReader(r io.Reader) (Digest, int64, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return "", n, err
	}
	return Digest(digestPrefix + hex.EncodeToString(h.Sum(nil))), n, nil
}

// ParseDigest checks that s is a well-formed digest.
func ParseDigest(s string) (Digest, error) {
	raw, ok := strings.CutPrefix(s, digestPrefix)
	if !ok {
		return "", errors.New("digest does not start with " + digestPrefix)
	}
	if b, err := hex.DecodeString(raw); err != nil || len(b) != sha256.Size || raw != strings.ToLower(raw) {
		return "", fmt.Errorf("digest %q is not 64 lower-case hex digits", s)
	}
	return Digest(s), nil
}

// Hex is the digest without its algorithm.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), digestPrefix) }

// Short is the first twelve hex digits, for people.
func (d Digest) Short() string {
	h := d.Hex()
	return h[:min(len(h), 12)]
}

// Artifact is a file that a task produced, named by its content.
type Artifact struct {
	Name   string `json:"name"` // slash-separated path relative to the workspace: "bin/shop"
	Digest Digest `json:"digest"`
	Size   int64  `json:"size"` // bytes
	Mode   uint32 `json:"mode"` // permission bits
}
