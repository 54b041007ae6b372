package evidence

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fairlead.dev"
)

// keyDirVariable makes the test binary print the key of a directory instead.
const keyDirVariable = "EVIDENCE_TEST_KEY_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(keyDirVariable); dir != "" {
		s, err := OpenKey(dir)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Print(s.Public().ID)
		return
	}
	os.Exit(m.Run())
}

func open(t *testing.T, dir string) *Signer {
	t.Helper()
	s, err := OpenKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mode(t *testing.T, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestKeyIsMadeOnceAndKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home", "keys")
	s := open(t, dir)
	if len(s.Public().ID) != 64 || open(t, dir).Public().ID != s.Public().ID {
		t.Errorf("key %q, then %q", s.Public().ID, open(t, dir).Public().ID)
	}
	if mode(t, dir) != 0o700 || mode(t, filepath.Join(dir, keyFile)) != 0o600 {
		t.Errorf("modes %o and %o", mode(t, dir), mode(t, filepath.Join(dir, keyFile)))
	}
	public := filepath.Join(dir, s.Public().ID+publicExt)
	b, err := os.ReadFile(public)
	if err != nil || !bytes.Equal(b, s.Public().PEM()) {
		t.Errorf("public key %q, %v", b, err)
	}
	if err := os.Remove(public); err != nil {
		t.Fatal(err)
	}
	open(t, dir)
	trust, err := LoadTrust(dir)
	if err != nil || len(trust.Keys()) != 1 || trust.Keys()[0] != s.Public().ID {
		t.Errorf("the public key did not come back: %v, %v", trust.Keys(), err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left in the directory: %v, %v", left, err)
	}
}

// Processes that start together get one key.
func TestRacingProcessesGetOneKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	const n = 8
	ids := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			c := exec.CommandContext(t.Context(), os.Args[0])
			c.Env = append(os.Environ(), keyDirVariable+"="+dir)
			out, err := c.CombinedOutput()
			ids[i] = string(out)
			if err != nil {
				ids[i] = fmt.Sprint(err, ids[i])
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if len(id) != 64 || id != ids[0] {
			t.Fatalf("keys %q", ids)
		}
	}
}

func TestBadKeysAreRefusedWithAWayOut(t *testing.T) {
	write := func(content string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, keyFile), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	chmod := func(name string, mode os.FileMode) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			open(t, dir)
			if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, dir string)
		kind fairlead.Kind
		want string
	}{
		{"file open to others", chmod(keyFile, 0o644), fairlead.KindDenied, "open to other users (mode 0644)"},
		{"directory open to others", chmod("", 0o750), fairlead.KindDenied, "open to other users (mode 0750)"},
		{"empty file", write(""), fairlead.KindInvalid, "not one PEM block"},
		{"not PEM", write("key"), fairlead.KindInvalid, "not one PEM block"},
		{"damaged", write("-----BEGIN " + "PRIVATE KEY-----\nAAAA\n-----END " + "PRIVATE KEY-----\n"), fairlead.KindInvalid, "asn1"},
		{"another algorithm", write(string(pem.EncodeToMemory(&pem.Block{Type: privateType, Bytes: der}))), fairlead.KindInvalid, "not an Ed25519 key"},
		{"a directory", func(t *testing.T, dir string) {
			if err := os.Mkdir(filepath.Join(dir, keyFile), 0o700); err != nil {
				t.Fatal(err)
			}
		}, fairlead.KindDenied, "is a d"},
		{"a link", func(t *testing.T, dir string) {
			if err := os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), filepath.Join(dir, keyFile)); err != nil {
				t.Fatal(err)
			}
		}, fairlead.KindDenied, "is a L"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "keys")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			tt.do(t, dir)
			_, err := OpenKey(dir)
			if fairlead.KindOf(err) != tt.kind || !strings.Contains(fmt.Sprint(err), tt.want) || fairlead.HintOf(err) == "" {
				t.Errorf("%v (%s, hint %q), want %s with %q", err, fairlead.KindOf(err), fairlead.HintOf(err), tt.kind, tt.want)
			}
		})
	}
}

func TestTrustReadsOnlyEd25519(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&ec.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, content string
		mode          os.FileMode
		kind          fairlead.Kind
		want          string
	}{
		{"no key", "", 0o700, fairlead.KindNotFound, "no *.pub"},
		{"another algorithm", string(pem.EncodeToMemory(&pem.Block{Type: publicType, Bytes: der})), 0o700, fairlead.KindInvalid, "only Ed25519"},
		{"nonsense", "nonsense", 0o700, fairlead.KindInvalid, "not one PEM block"},
		{"others may write", "nonsense", 0o777, fairlead.KindDenied, "changed by other users"},
	} {
		dir := t.TempDir()
		if err := os.Chmod(dir, tt.mode); err != nil {
			t.Fatal(err)
		}
		if tt.content != "" {
			if err := os.WriteFile(filepath.Join(dir, "a.pub"), []byte(tt.content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := LoadTrust(dir); fairlead.KindOf(err) != tt.kind || !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%s: %v, want %s with %q", tt.name, err, tt.kind, tt.want)
		}
	}
	if _, err := LoadTrust(filepath.Join(t.TempDir(), "none")); fairlead.KindOf(err) != fairlead.KindNotFound {
		t.Errorf("no directory: %v", err)
	}
	odd := filepath.Join(t.TempDir(), "a[b]*")
	s := open(t, odd)
	if trust, err := LoadTrust(odd); err != nil || trust.Keys()[0] != s.Public().ID {
		t.Errorf("a directory with an odd name: %v", err)
	}
}
