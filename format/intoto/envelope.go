package intoto

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// PayloadType is the media type of a statement in an envelope.
const PayloadType = "application/vnd.in-toto+json"

// What can be wrong with an envelope. Every error of Open has one of these in
// its chain.
var (
	ErrEnvelope    = errors.New("not a DSSE envelope")
	ErrPayloadType = errors.New("the envelope does not hold an in-toto statement")
	ErrNoSignature = errors.New("the envelope is not signed")
	ErrDuplicate   = errors.New("a key signed more than once")
	ErrUnknownKey  = errors.New("signed by a key that is not trusted")
	ErrSignature   = errors.New("the signature does not match")
)

// Key is an Ed25519 key pair under its identifier. Private is nil in a key
// that can only verify. Ed25519 is the only algorithm: an envelope cannot
// choose another one.
type Key struct {
	ID      string
	Public  ed25519.PublicKey
	Private ed25519.PrivateKey
}

// Seal signs a statement. Ed25519 is deterministic, so equal statements
// sealed with one key give equal bytes.
func Seal(ctx context.Context, s Statement, k Key) ([]byte, error) {
	payload, err := s.Encode()
	if err != nil {
		return nil, err
	}
	signer, err := dsse.NewEnvelopeSigner(signature{k})
	if err != nil {
		return nil, fmt.Errorf("prepare signature: %w", err)
	}
	envelope, err := signer.SignPayload(ctx, PayloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("sign statement: %w", err)
	}
	return json.Marshal(envelope)
}

// SealBy signs a statement with any kind of key, say an SSH key; sign is given
// the envelope's pre-authentication encoding.
func SealBy(ctx context.Context, s Statement, keyID string, sign func(data []byte) ([]byte, error)) ([]byte, error) {
	payload, err := s.Encode()
	if err != nil {
		return nil, err
	}
	signer, err := dsse.NewEnvelopeSigner(foreign{keyID, sign})
	if err != nil {
		return nil, fmt.Errorf("prepare signature: %w", err)
	}
	envelope, err := signer.SignPayload(ctx, PayloadType, payload)
	if err != nil {
		return nil, fmt.Errorf("sign statement: %w", err)
	}
	return json.Marshal(envelope)
}

// Verifier is a key that is trusted, of any kind. Verify gives nil when the
// signature over the data is the key's.
type Verifier struct {
	ID     string
	Verify func(data, signature []byte) error
}

// Open verifies an envelope and gives its statement and the identifier of the
// trusted key that signed it. Signatures of keys that are not trusted are
// tolerated beside a trusted one; a wrong signature under a trusted key's
// name, or two signatures under one name, are not.
func Open(envelope []byte, trusted []Key) (Statement, string, error) {
	verifiers := make([]Verifier, len(trusted))
	for i, k := range trusted {
		verifiers[i] = Verifier{k.ID, k.verify}
	}
	return OpenBy(envelope, verifiers)
}

// OpenBy is Open for keys of any kind.
func OpenBy(envelope []byte, trusted []Verifier) (Statement, string, error) {
	e, payload, err := decode(envelope)
	if err != nil {
		return Statement{}, "", err
	}
	keyID, err := verify(e, payload, trusted)
	if err != nil {
		return Statement{}, "", err
	}
	s, err := DecodeStatement(payload)
	if err != nil {
		return Statement{}, "", err
	}
	return s, keyID, nil
}

func (k Key) verify(data, signature []byte) error {
	if len(k.Public) != ed25519.PublicKeySize || !ed25519.Verify(k.Public, data, signature) {
		return ErrSignature
	}
	return nil
}

// decode reads one envelope and its payload.
func decode(b []byte) (dsse.Envelope, []byte, error) {
	var e dsse.Envelope
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&e); err != nil {
		return e, nil, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return e, nil, fmt.Errorf("%w: something follows it", ErrEnvelope)
	}
	if e.PayloadType != PayloadType {
		return e, nil, fmt.Errorf("%w: payload type is %q", ErrPayloadType, e.PayloadType)
	}
	payload, err := unbase64(e.Payload)
	if err != nil {
		return e, nil, fmt.Errorf("%w: payload: %w", ErrEnvelope, err)
	}
	return e, payload, nil
}

// verify checks every signature that claims a trusted key, and gives the first
// such key's identifier.
func verify(e dsse.Envelope, payload []byte, trusted []Verifier) (string, error) {
	if len(e.Signatures) == 0 {
		return "", ErrNoSignature
	}
	keys := make(map[string]Verifier, len(trusted))
	for _, k := range trusted {
		keys[k.ID] = k
	}
	var accepted string
	seen := map[string]bool{}
	for _, s := range e.Signatures {
		if seen[s.KeyID] {
			return "", fmt.Errorf("%w: key %q", ErrDuplicate, s.KeyID)
		}
		seen[s.KeyID] = true
		k, ok := keys[s.KeyID]
		if !ok {
			continue
		}
		if err := verifyOne(e, s, payload, k); err != nil {
			return "", err
		}
		if accepted == "" {
			accepted = k.ID
		}
	}
	if accepted == "" {
		return "", fmt.Errorf("%w: key %q", ErrUnknownKey, e.Signatures[0].KeyID)
	}
	return accepted, nil
}

func verifyOne(e dsse.Envelope, s dsse.Signature, payload []byte, k Verifier) error {
	raw, err := unbase64(s.Sig)
	if err != nil {
		return fmt.Errorf("%w: key %q: %w", ErrSignature, s.KeyID, err)
	}
	if err := k.Verify(dsse.PAE(e.PayloadType, payload), raw); err != nil {
		return fmt.Errorf("%w: key %q", ErrSignature, s.KeyID)
	}
	return nil
}

// unbase64 reads the one spelling that bytes have in standard base64: with
// padding, and without the line feeds that the library passes over.
func unbase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("a line break in base64")
	}
	return base64.StdEncoding.Strict().DecodeString(s)
}

// signature is a private Key as the library wants to see it.
type signature struct{ key Key }

var _ dsse.Signer = signature{}

func (s signature) Sign(_ context.Context, data []byte) ([]byte, error) {
	if len(s.key.Private) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("key %q cannot sign", s.key.ID)
	}
	return ed25519.Sign(s.key.Private, data), nil
}

func (s signature) KeyID() (string, error) { return s.key.ID, nil }

// foreign is a key of another kind as the library wants to see it.
type foreign struct {
	id   string
	sign func([]byte) ([]byte, error)
}

var _ dsse.Signer = foreign{}

func (f foreign) Sign(_ context.Context, data []byte) ([]byte, error) { return f.sign(data) }

func (f foreign) KeyID() (string, error) { return f.id, nil }
