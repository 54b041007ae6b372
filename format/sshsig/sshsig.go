// Package sshsig signs and verifies with SSH keys in OpenSSH's signature
// format (PROTOCOL.sshsig), as `ssh-keygen -Y sign` does. The namespace keeps a
// signature from being taken for one made for another purpose.
package sshsig

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// Namespace of every signature that this package makes and accepts.
const Namespace = "fairlead.dev"

// ErrKey is in the chain of every error about a malformed or unfit key.
var ErrKey = errors.New("not a usable SSH key")

// ErrSignature is in the chain of every error about a signature that does not hold.
var ErrSignature = errors.New("the SSH signature does not hold")

// PublicKey is a key as authorized_keys writes it.
type PublicKey struct{ key ssh.PublicKey }

// ParsePublicKey reads one line of authorized_keys without options: type, key
// and perhaps a comment. Keys that are too weak, certificates and keys of
// hardware tokens are an ErrKey.
func ParsePublicKey(line string) (PublicKey, error) {
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	switch {
	case err != nil:
		return PublicKey{}, fmt.Errorf("%w: write it as in authorized_keys: ssh-ed25519 and what follows", ErrKey)
	case len(options) > 0 || len(bytes.TrimSpace(rest)) > 0:
		return PublicKey{}, fmt.Errorf("%w: it is more than one key", ErrKey)
	}
	switch key.Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521:
		return PublicKey{key}, nil
	case ssh.KeyAlgoRSA:
		const bits = 2048
		if c, ok := key.(ssh.CryptoPublicKey); ok && size(c) >= bits {
			return PublicKey{key}, nil
		}
		return PublicKey{}, fmt.Errorf("%w: an RSA key needs %d bits", ErrKey, bits)
	default:
		return PublicKey{}, fmt.Errorf("%w: type %s; use ssh-ed25519, ecdsa or ssh-rsa", ErrKey, key.Type())
	}
}

// ID is the key's fingerprint: "SHA256:...".
func (p PublicKey) ID() string { return ssh.FingerprintSHA256(p.key) }

// Verify checks a signature in wire format over data. Any doubt is an ErrSignature.
func (p PublicKey) Verify(data, signature []byte) error {
	s, err := sshsig.ParseSignature(signature)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	if s.HashAlgorithm != sshsig.HashSHA512 {
		return fmt.Errorf("%w: hash %s", ErrSignature, s.HashAlgorithm)
	}
	if err := sshsig.Verify(bytes.NewReader(data), s, p.key, s.HashAlgorithm, Namespace); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// Signer signs with an SSH key, which may be kept by an agent.
type Signer struct{ signer ssh.Signer }

// NewSigner wraps a key of the SSH library, say one of an agent.
func NewSigner(s ssh.Signer) Signer { return Signer{s} }

// ErrPassphrase says that the private key is encrypted.
var ErrPassphrase = errors.New("the key is protected by a passphrase")

// ParsePrivateKey reads a private key file. A key that needs a passphrase and
// gets none is an ErrPassphrase.
func ParsePrivateKey(pem, passphrase []byte) (Signer, error) {
	var s ssh.Signer
	var err error
	if passphrase == nil {
		s, err = ssh.ParsePrivateKey(pem)
	} else {
		s, err = ssh.ParsePrivateKeyWithPassphrase(pem, passphrase)
	}
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) {
		return Signer{}, ErrPassphrase
	}
	if err != nil {
		return Signer{}, fmt.Errorf("%w: %s", ErrKey, strings.TrimPrefix(err.Error(), "ssh: "))
	}
	return Signer{s}, nil
}

// ID is the fingerprint of the signer's public key: "SHA256:...".
func (s Signer) ID() string { return ssh.FingerprintSHA256(s.signer.PublicKey()) }

// AuthorizedKey is the public key as authorized_keys writes it.
func (s Signer) AuthorizedKey() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.signer.PublicKey())))
}

// Sign signs data and gives the signature in wire format.
func (s Signer) Sign(data []byte) ([]byte, error) {
	sig, err := sshsig.Sign(bytes.NewReader(data), s.signer, sshsig.HashSHA512, Namespace)
	if err != nil {
		return nil, fmt.Errorf("sign with the SSH key %s: %w", s.ID(), err)
	}
	return sig.Marshal(), nil
}

// size is the number of bits of an RSA key.
func size(k ssh.CryptoPublicKey) int {
	if rsa, ok := k.CryptoPublicKey().(interface{ Size() int }); ok {
		const bitsPerByte = 8
		return rsa.Size() * bitsPerByte
	}
	return 0
}
