package evidence

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"fairlead.dev"
	"fairlead.dev/format/intoto"
)

const (
	keyFile     = "signing.key"
	privateType = "PRIVATE KEY" // PKCS #8
	publicType  = "PUBLIC KEY"  // PKIX
	publicExt   = ".pub"
)

// PublicKey is a key that statements can be verified with.
type PublicKey struct {
	ID  string // hex SHA-256 of the PKIX encoding
	Key ed25519.PublicKey
}

// PEM is the key as a .pub file holds it.
func (p PublicKey) PEM() []byte {
	der, err := x509.MarshalPKIXPublicKey(p.Key)
	if err != nil {
		panic("evidence: encode public key: " + err.Error()) // an Ed25519 key always has an encoding
	}
	return pem.EncodeToMemory(&pem.Block{Type: publicType, Bytes: der})
}

// Signer signs statements with the one key of its directory.
type Signer struct {
	key intoto.Key
}

// Public gives the key that verifies what the signer signs.
func (s *Signer) Public() PublicKey { return PublicKey{ID: s.key.ID, Key: s.key.Public} }

// OpenKey gives the signer whose Ed25519 key is kept in dir, and makes both
// at first use: the directory readable by its owner alone, the private key in
// signing.key, the public key in <key id>.pub. Processes that start at the
// same time get the same key. Permissions that let others in are KindDenied,
// a file that is not such a key is KindInvalid; neither is mended silently.
func OpenKey(dir string) (*Signer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, keyProblem(fairlead.KindUnavailable, "make the directory writable for the user who runs fairlead", err)
	}
	if err := private(dir, fs.ModeDir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, keyFile)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(dir, path); err != nil {
			return nil, keyProblem(fairlead.KindUnavailable, "check that the disk is not full and the directory is writable", err)
		}
	}
	if err := private(path, 0); err != nil {
		return nil, err
	}
	s, err := readKey(path)
	if err != nil {
		return nil, err
	}
	public := s.Public()
	if err := writeOnce(dir, filepath.Join(dir, public.ID+publicExt), public.PEM(), 0o644); err != nil {
		return nil, keyProblem(fairlead.KindUnavailable, "check that the disk is not full and the directory is writable", err)
	}
	return s, nil
}

// private checks that path is of the type and that nobody but its owner can
// read or change it.
func private(path string, want fs.FileMode) error {
	info, err := os.Lstat(path)
	if err != nil {
		return keyProblem(fairlead.KindUnavailable, "", err)
	}
	if info.Mode().Type() != want {
		return keyProblem(fairlead.KindDenied, "remove it, or point the key directory elsewhere",
			fmt.Errorf("%s is a %s", path, info.Mode().Type()))
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return keyProblem(fairlead.KindDenied, "run: chmod go= "+path+" and, when others had access, make a new key",
			fmt.Errorf("%s is open to other users (mode %04o)", path, info.Mode().Perm()))
	}
	return nil
}

func makeKey(dir, path string) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writeOnce(dir, path, pem.EncodeToMemory(&pem.Block{Type: privateType, Bytes: der}), 0o600)
}

// writeOnce makes path with content, whole or not at all, and leaves a path
// that is already there as it is. A link never replaces a file: of two
// processes that race, one wins and both see the winner's content.
func writeOnce(dir, path string, content []byte, mode fs.FileMode) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	err = errors.Join(err, tmp.Chmod(mode), tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func readKey(path string) (*Signer, error) {
	const hint = "restore the file from a backup; or remove it to make a new key, which does not verify what the old one signed"
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, keyProblem(fairlead.KindUnavailable, "", err)
	}
	block, rest := pem.Decode(b)
	if block == nil || block.Type != privateType || len(rest) > 0 {
		return nil, keyProblem(fairlead.KindInvalid, hint, fmt.Errorf("%s is not one PEM block of type %q", path, privateType))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, keyProblem(fairlead.KindInvalid, hint, fmt.Errorf("%s: %w", path, err))
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, keyProblem(fairlead.KindInvalid, hint, fmt.Errorf("%s holds a %T, not an Ed25519 key", path, parsed))
	}
	public := key.Public().(ed25519.PublicKey)
	return &Signer{key: intoto.Key{ID: keyID(public), Public: public, Private: key}}, nil
}

func keyID(key ed25519.PublicKey) string {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		panic("evidence: encode public key: " + err.Error()) // an Ed25519 key always has an encoding
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

func keyProblem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "open signing key", Kind: kind, Hint: hint, Err: err}
}
