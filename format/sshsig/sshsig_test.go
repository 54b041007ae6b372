package sshsig_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	hidde "github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"fairlead.dev/format/sshsig"
)

// keyPair gives a private key file's content, encrypted when there is a passphrase.
func keyPair(t *testing.T, passphrase string) []byte {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(private, "test")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

func signer(t *testing.T) sshsig.Signer {
	t.Helper()
	s, err := sshsig.ParsePrivateKey(keyPair(t, ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSignAndVerify(t *testing.T) {
	s, other := signer(t), signer(t)
	key, err := sshsig.ParsePublicKey(s.AuthorizedKey() + " alice@laptop")
	if err != nil || key.ID() != s.ID() {
		t.Fatalf("key %s of signer %s, %v", key.ID(), s.ID(), err)
	}
	sig, err := s.Sign([]byte("yes"))
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Verify([]byte("yes"), sig); err != nil {
		t.Error(err)
	}
	foreign, err := other.Sign([]byte("yes"))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]struct{ data, sig []byte }{
		"other words":       {[]byte("no"), sig},
		"signed by another": {[]byte("yes"), foreign},
		"no signature":      {[]byte("yes"), nil},
		"cut short":         {[]byte("yes"), sig[:len(sig)-1]},
	} {
		if err := key.Verify(v.data, v.sig); !errors.Is(err, sshsig.ErrSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A signature made for another purpose with the same key does not count.
func TestAnotherNamespace(t *testing.T) {
	pemBytes := keyPair(t, "")
	raw, err := ssh.ParsePrivateKey(pemBytes)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := hidde.Sign(strings.NewReader("yes"), raw, hidde.HashSHA512, "git")
	if err != nil {
		t.Fatal(err)
	}
	key, err := sshsig.ParsePublicKey(sshsig.NewSigner(raw).AuthorizedKey())
	if err != nil {
		t.Fatal(err)
	}
	if err := key.Verify([]byte("yes"), sig.Marshal()); !errors.Is(err, sshsig.ErrSignature) {
		t.Error(err)
	}
}

// What ssh-keygen says of our signatures is the standard's own word.
func TestOpenSSHVerifies(t *testing.T) {
	dir := t.TempDir()
	pemBytes := keyPair(t, "")
	s, err := sshsig.ParsePrivateKey(pemBytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := s.Sign([]byte("yes"))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := hidde.ParseSignature(raw)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	allowed := write("allowed", []byte("alice "+s.AuthorizedKey()+"\n"))
	armored := write("sig", hidde.Armor(parsed))
	cmd := exec.Command("ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "alice", "-n", sshsig.Namespace, "-s", armored)
	cmd.Stdin = strings.NewReader("yes")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("ssh-keygen (is openssh-client installed?): %v\n%s", err, out)
	}
}

func TestPassphrase(t *testing.T) {
	pemBytes := keyPair(t, "open sesame")
	if _, err := sshsig.ParsePrivateKey(pemBytes, nil); !errors.Is(err, sshsig.ErrPassphrase) {
		t.Error(err)
	}
	if _, err := sshsig.ParsePrivateKey(pemBytes, []byte("wrong")); !errors.Is(err, sshsig.ErrKey) {
		t.Error(err)
	}
	if _, err := sshsig.ParsePrivateKey(pemBytes, []byte("open sesame")); err != nil {
		t.Error(err)
	}
	if _, err := sshsig.ParsePrivateKey([]byte("nonsense"), nil); !errors.Is(err, sshsig.ErrKey) {
		t.Error(err)
	}
}

func TestUnfitKeys(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // too short on purpose
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(small.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, line := range map[string]string{
		"nothing": "", "words": "alice", "two keys": signer(t).AuthorizedKey() + "\n" + signer(t).AuthorizedKey(),
		"options": "no-pty " + signer(t).AuthorizedKey(), "short RSA": string(ssh.MarshalAuthorizedKey(public)),
	} {
		if _, err := sshsig.ParsePublicKey(line); !errors.Is(err, sshsig.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte("x"), []byte("SSHSIG"))
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	raw, err := ssh.NewSignerFromKey(private)
	if err != nil {
		f.Fatal(err)
	}
	s := sshsig.NewSigner(raw)
	key, err := sshsig.ParsePublicKey(s.AuthorizedKey())
	if err != nil {
		f.Fatal(err)
	}
	good, err := s.Sign([]byte("yes"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("yes"), good)
	f.Fuzz(func(t *testing.T, data, sig []byte) {
		if err := key.Verify(data, sig); err == nil && string(data) != "yes" {
			t.Fatalf("%q was never signed", data)
		} else if err != nil && !errors.Is(err, sshsig.ErrSignature) {
			t.Fatal(err)
		}
	})
}
