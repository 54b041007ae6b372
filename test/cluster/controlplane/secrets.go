package controlplane

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// secrets are a control plane's keys and tokens, in files that its parts read.
type secrets struct {
	dir         string
	admin       string // the administrator's bearer token
	tokens      string // token-auth file
	signingKey  string // of service accounts' tokens
	servingCert string // written by the API server
}

func newSecrets(dir string) (*secrets, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &secrets{
		dir:         dir,
		admin:       rand.Text(),
		tokens:      filepath.Join(dir, "tokens.csv"),
		signingKey:  filepath.Join(dir, "accounts.key"),
		servingCert: filepath.Join(dir, "apiserver.crt"),
	}
	if old, err := os.ReadFile(s.tokens); err == nil { // of a control plane that was here before
		s.admin, _, _ = strings.Cut(string(old), ",")
		return s, nil
	}
	line := fmt.Sprintf("%s,admin,admin,system:masters\n", s.admin)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	if err := os.WriteFile(s.signingKey, block, 0o600); err != nil {
		return nil, err
	}
	return s, os.WriteFile(s.tokens, []byte(line), 0o600) // last: it says that the rest is there
}
