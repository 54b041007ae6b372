package evidence

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/intoto"
)

// Trust is a set of keys that are believed. The zero value believes nobody.
type Trust struct {
	keys []intoto.Key
}

// TrustKeys believes the keys given.
func TrustKeys(keys ...PublicKey) Trust {
	var t Trust
	for _, k := range keys {
		t.keys = append(t.keys, intoto.Key{ID: keyID(k.Key), Public: k.Key})
	}
	return t
}

// LoadTrust believes every *.pub in dir: Ed25519 public keys as PEM. A file
// that is something else is KindInvalid, a directory without keys is
// KindNotFound, and one that other users can change is KindDenied.
func LoadTrust(dir string) (Trust, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return Trust{}, trustProblem(fairlead.KindNotFound, "run anything once to make a key, or copy the public key here", err)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return Trust{}, trustProblem(fairlead.KindDenied, "run: chmod go-w "+dir,
			fmt.Errorf("%s can be changed by other users (mode %04o)", dir, info.Mode().Perm()))
	}
	paths, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*"+publicExt))
	if err != nil {
		return Trust{}, trustProblem(fairlead.KindInvalid, "", err)
	}
	if len(paths) == 0 {
		return Trust{}, trustProblem(fairlead.KindNotFound, "copy the signer's <key id>.pub here", fmt.Errorf("no *%s in %s", publicExt, dir))
	}
	var keys []PublicKey
	for _, path := range paths {
		k, err := readPublic(path)
		if err != nil {
			return Trust{}, trustProblem(fairlead.KindInvalid, "remove the file or replace it with a public key of a signer", fmt.Errorf("%s: %w", path, err))
		}
		keys = append(keys, k)
	}
	return TrustKeys(keys...), nil
}

// Keys gives the identifiers of the keys that are believed, sorted.
func (t Trust) Keys() []string {
	ids := make([]string, len(t.keys))
	for i, k := range t.keys {
		ids[i] = k.ID
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Verify checks the signature of e and that the row says what was signed. Any
// doubt is KindDenied with its own reason.
func (t Trust) Verify(e fairlead.Evidence) (Statement, error) {
	if got := fairlead.DigestBytes(e.Envelope); got != e.ID {
		return Statement{}, refuse("the evidence was changed after it was stored: run the delivery again",
			fmt.Errorf("evidence %s: its envelope has digest %s", e.ID.Short(), got.Short()))
	}
	standard, keyID, err := intoto.Open(e.Envelope, t.keys)
	if err != nil {
		return Statement{}, refuse(hintFor(err), fmt.Errorf("evidence %s: %w", e.ID.Short(), err))
	}
	s, err := fromStandard(standard, keyID)
	if err == nil {
		err = matches(e, s)
	}
	if err != nil {
		return Statement{}, refuse("the row beside the signed statement was changed: run the delivery again",
			fmt.Errorf("evidence %s: %w", e.ID.Short(), err))
	}
	return s, nil
}

// matches compares a row with the statement it stands for. The row is not
// signed, so nothing in it may be believed that the statement does not say.
func matches(e fairlead.Evidence, s Statement) error {
	switch {
	case e.KeyID != s.KeyID:
		return fmt.Errorf("the row names key %q, the signature is by %q", e.KeyID, s.KeyID)
	case e.PredicateType != s.PredicateType:
		return fmt.Errorf("the row says predicate type %q, the statement %q", e.PredicateType, s.PredicateType)
	case e.RunID != s.RunID:
		return fmt.Errorf("the row says run %q, the statement %q", e.RunID, s.RunID)
	case e.TaskID != s.TaskID:
		return fmt.Errorf("the row says task %q, the statement %q", e.TaskID, s.TaskID)
	case e.From != s.From:
		return fmt.Errorf("the row says that it repeats %q, the statement %q", e.From.Short(), s.From.Short())
	case !s.Time.IsZero() && !e.Time.Equal(s.Time):
		return fmt.Errorf("the row says it was proven at %s, the statement at %s", e.Time.Format(time.RFC3339), s.Time.Format(time.RFC3339))
	case !slices.Equal(e.Subjects, s.Subjects):
		return errors.New("the row names other subjects than the statement")
	}
	return nil
}

func hintFor(err error) string {
	switch {
	case errors.Is(err, intoto.ErrUnknownKey):
		return "if this signer is to be trusted, put its <key id>" + publicExt + " into the trust directory"
	case errors.Is(err, intoto.ErrSignature), errors.Is(err, intoto.ErrDuplicate):
		return "the statement or its signature was forged or damaged: run the delivery again and find out who changed it"
	default:
		return "this is not evidence that fairlead made: run the delivery again"
	}
}

func readPublic(path string) (PublicKey, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return PublicKey{}, err
	}
	block, rest := pem.Decode(b)
	if block == nil || block.Type != publicType || len(rest) > 0 {
		return PublicKey{}, fmt.Errorf("not one PEM block of type %q", publicType)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return PublicKey{}, err
	}
	key, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return PublicKey{}, fmt.Errorf("holds a %T, only Ed25519 keys are accepted", parsed)
	}
	return PublicKey{ID: keyID(key), Key: key}, nil
}

// escapeGlob makes a directory name literal for filepath.Glob.
func escapeGlob(dir string) string {
	var out []rune
	for _, r := range dir {
		if r == '*' || r == '?' || r == '[' || r == '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}

func refuse(hint string, err error) error {
	return &fairlead.Problem{Op: "verify evidence", Kind: fairlead.KindDenied, Hint: hint, Err: err}
}

func trustProblem(kind fairlead.Kind, hint string, err error) error {
	return &fairlead.Problem{Op: "load trusted keys", Kind: kind, Hint: hint, Err: err}
}
