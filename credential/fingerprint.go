package credential

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"fairlead.dev"
)

// stretch makes guessing a secret from its fingerprint costly: it is the
// number of hash rounds for each guess.
const stretch = 20_000

// Fingerprint names a value without telling it: by a slow hash, keyed with the
// salt. It is the same wherever the value is, in a tree, a history or an image,
// so that one secret in many places is one finding. A long random key cannot be
// found from it; a guess at a short password costs the guesser as much as it
// costs here.
func Fingerprint(salt, value string) string {
	sum, err := pbkdf2.Key(sha256.New, value, []byte(fairlead.Host+"/scan.secrets/v2\x00"+salt), stretch, sha256.Size)
	if err != nil {
		panic(fmt.Sprintf("credential: fingerprint: %v", err)) // only for impossible parameters
	}
	return fairlead.Fingerprint(fairlead.CategorySecret, "value", hex.EncodeToString(sum))
}
