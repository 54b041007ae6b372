package identity_test

import (
	"bufio"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/format/sshsig"
	"fairlead.dev/identity"
)

// The sentence these tests prove: whoever acts is recognised by an SSH key where
// SSH itself keeps them, and gets one clear problem where that is not possible.

// keygen makes a key pair with a passphrase, "" for none, and gives its path.
func keygen(t *testing.T, passphrase string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "id_ed25519")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	return path
}

// agentWith starts an SSH agent that keeps keys, and gives its socket.
func agentWith(t *testing.T, keys ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	agent := exec.Command("ssh-agent", "-D", "-a", socket)
	said, err := agent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait()
		_ = os.RemoveAll(dir)
	})
	if !bufio.NewScanner(said).Scan() { // it listens before it says where
		t.Fatal("ssh-agent says nothing")
	}
	for _, k := range keys {
		add := exec.Command("ssh-add", "-q", k)
		add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
		if out, err := add.CombinedOutput(); err != nil {
			t.Fatalf("ssh-add: %v\n%s", err, out)
		}
	}
	return socket
}

// alice is a person with the public half of a key.
func alice(t *testing.T, key string) []fairlead.Person {
	t.Helper()
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return []fairlead.Person{{Name: "alice", Accounts: []string{"al"}, Keys: []string{strings.TrimSpace(string(public))}}}
}

// proves holds that somebody was recognised, and that the hand signs what the
// person's public key verifies.
func proves(t *testing.T, who identity.Who, err error, key string) {
	t.Helper()
	if err != nil || who.Person != "alice" || who.Hand == nil {
		t.Fatalf("%+v %v", who, err)
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	p, err := sshsig.ParsePublicKey(string(public))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := who.Hand.Sign([]byte("yes"))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Verify([]byte("yes"), signed); err != nil {
		t.Errorf("the signature does not verify: %v", err)
	}
	if err := p.Verify([]byte("no"), signed); err == nil {
		t.Error("the signature verifies something else")
	}
}

// refused holds a problem: its kind and words.
func refused(t *testing.T, err error, kind fairlead.Kind, words ...string) {
	t.Helper()
	var p *fairlead.Problem
	if !errors.As(err, &p) || p.Kind != kind || p.Op != "recognise who acts" || p.Hint == "" {
		t.Fatalf("%v (%s), want %s with a hint", err, fairlead.KindOf(err), kind)
	}
	for _, w := range words {
		if !strings.Contains(err.Error()+" "+p.Hint, w) {
			t.Errorf("%v (%s) does not say %q", err, p.Hint, w)
		}
	}
}

func TestKeyInAFile(t *testing.T) {
	key := keygen(t, "")
	who, err := identity.Source{Key: key}.Find(alice(t, key))
	proves(t, who, err, key)
	_, err = identity.Source{Key: key}.Find(alice(t, keygen(t, "")))
	refused(t, err, fairlead.KindDenied, "is nobody's")
	_, err = identity.Source{Key: filepath.Join(t.TempDir(), "none")}.Find(alice(t, key))
	refused(t, err, fairlead.KindInvalid, "no such file", "--key")
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte("not a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = identity.Source{Key: text}.Find(alice(t, key))
	refused(t, err, fairlead.KindDenied, "ssh-keygen")
}

func TestKeyInTheUsualPlace(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	key := keygen(t, "")
	for _, suffix := range []string{"", ".pub"} {
		if err := os.Rename(key+suffix, filepath.Join(home, ".ssh", "id_ed25519"+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	key = filepath.Join(home, ".ssh", "id_ed25519")
	who, err := identity.Source{Home: home}.Find(alice(t, key))
	proves(t, who, err, key)
	_, err = identity.Source{Home: home, Account: "al"}.Find(alice(t, keygen(t, "")))
	refused(t, err, fairlead.KindDenied, "none of those keys is here", "ssh-add")
}

// An agent signs for whoever loaded a key into it: without --key, with --key
// naming the public half, and with --key naming a private key that has a
// passphrase nobody can be asked for.
func TestKeyInAnAgent(t *testing.T) {
	key := keygen(t, "")
	socket := agentWith(t, keygen(t, ""), key)
	for name, s := range map[string]identity.Source{
		"found": {Agent: socket}, "public half": {Agent: socket, Key: key + ".pub"},
	} {
		t.Run(name, func(t *testing.T) {
			who, err := s.Find(alice(t, key))
			proves(t, who, err, key)
		})
	}
	t.Run("private key with a passphrase", func(t *testing.T) {
		if out, err := exec.Command("ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", key).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		who, err := identity.Source{Agent: socket, Key: key}.Find(alice(t, key))
		proves(t, who, err, key)
	})
	other := keygen(t, "")
	_, err := identity.Source{Agent: socket, Key: other + ".pub"}.Find(alice(t, other))
	refused(t, err, fairlead.KindDenied, "no SSH agent keeps the key", "ssh-add")
	_, err = identity.Source{Agent: socket, Account: "al"}.Find(alice(t, other))
	refused(t, err, fairlead.KindDenied, "none of those keys is here")
}

// An agent that is not there, or does not speak its protocol, is none.
func TestNoAgent(t *testing.T) {
	key := keygen(t, "")
	socket := filepath.Join(t.TempDir(), "s")
	_, err := identity.Source{Agent: socket, Account: "al"}.Find(alice(t, key))
	refused(t, err, fairlead.KindDenied, "none of those keys is here")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	_, err = identity.Source{Agent: socket, Account: "al"}.Find(alice(t, key))
	refused(t, err, fairlead.KindDenied, "none of those keys is here")
}

func TestKeyWithAPassphrase(t *testing.T) {
	key := keygen(t, "secret")
	_, err := identity.Source{Key: key}.Find(alice(t, key))
	refused(t, err, fairlead.KindDenied, "protected by a passphrase", "ssh-add")
	asked := func(phrase string, err error) func(string) ([]byte, error) {
		return func(path string) ([]byte, error) {
			if path != key {
				t.Errorf("asked for the passphrase of %s", path)
			}
			return []byte(phrase), err
		}
	}
	who, err := identity.Source{Key: key, Passphrase: asked("secret", nil)}.Find(alice(t, key))
	proves(t, who, err, key)
	_, err = identity.Source{Key: key, Passphrase: asked("wrong", nil)}.Find(alice(t, key))
	refused(t, err, fairlead.KindDenied, "the passphrase does not open it", "try again")
	if strings.Contains(err.Error(), "wrong") {
		t.Errorf("the passphrase is in %v", err)
	}
}
