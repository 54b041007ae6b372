// Package identity finds out who is at the keyboard and lets that person prove
// it: by an SSH key in a file or in an agent, or, for people without keys, by
// the account of the operating system.
package identity

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"fairlead.dev"
	"fairlead.dev/format/sshsig"
)

// Source says where keys are looked for.
type Source struct {
	Account    string                            // of the operating system
	Key        string                            // file named by the user; "" = the usual places
	Home       string                            // where .ssh is; "" = nowhere
	Agent      string                            // socket of an SSH agent; "" = none
	Passphrase func(path string) ([]byte, error) // asks the user; nil when nobody can be asked
}

// Who is somebody who was recognised.
type Who struct {
	Person  string
	Account string
	Hand    *sshsig.Signer // nil for a person without keys
}

// Find recognises whoever acts among people. A key that somebody has goes
// before the account. KindDenied: nobody was recognised, or a person with keys
// did not prove himself by one of them; the hint says what to do.
func (s Source) Find(people []fairlead.Person) (Who, error) {
	owners := owners(people)
	if s.Key != "" {
		hand, err := s.named()
		if err != nil {
			return Who{}, err
		}
		if name, ok := owners[hand.ID()]; ok {
			return Who{Person: name, Account: s.Account, Hand: &hand}, nil
		}
		return Who{}, denied("add it to the keys of its owner under people, or name another key",
			fmt.Errorf("the key %s (%s) is nobody's", s.Key, hand.ID()))
	}
	if hand, name, err := s.usual(owners); err != nil || name != "" {
		return Who{Person: name, Account: s.Account, Hand: hand}, err
	}
	for _, p := range people {
		if !slices.Contains(p.Accounts, s.Account) {
			continue
		}
		if len(p.Keys) > 0 {
			return Who{}, denied("name the private key with --key or FAIRLEAD_KEY, or load it with ssh-add",
				fmt.Errorf("account %s is %s's, who proves himself by an SSH key, and none of those keys is here", s.Account, p.Name))
		}
		return Who{Person: p.Name, Account: s.Account}, nil
	}
	return Who{}, denied("`people` in fairlead.yaml says who is known; --key names a key",
		fmt.Errorf("account %s is nobody's, and no key of anybody known is here", s.Account))
}

// owners gives the owner's name for each key's fingerprint.
func owners(people []fairlead.Person) map[string]string {
	out := map[string]string{}
	for _, p := range people {
		for _, line := range p.Keys {
			if k, err := sshsig.ParsePublicKey(line); err == nil {
				out[k.ID()] = p.Name
			}
		}
	}
	return out
}

// named gives the key of the file that the user named: a private key, or the
// public half of one that an agent keeps.
func (s Source) named() (sshsig.Signer, error) {
	content, err := os.ReadFile(s.Key)
	if err != nil {
		return sshsig.Signer{}, &fairlead.Problem{
			Op: "recognise who acts", Kind: fairlead.KindInvalid, Err: err, Hint: "--key and FAIRLEAD_KEY name a private key file",
		}
	}
	if public, err := sshsig.ParsePublicKey(string(content)); err == nil {
		for _, k := range s.kept() {
			if k.ID() == public.ID() {
				return k, nil
			}
		}
		return sshsig.Signer{}, denied("load it with ssh-add, or name the private key", fmt.Errorf("no SSH agent keeps the key %s", s.Key))
	}
	return s.open(s.Key, content)
}

// open reads a private key, and asks for its passphrase when it has one.
func (s Source) open(path string, content []byte) (sshsig.Signer, error) {
	hand, err := sshsig.ParsePrivateKey(content, nil)
	if !errors.Is(err, sshsig.ErrPassphrase) {
		if err != nil {
			err = denied("name a private key that ssh-keygen made", fmt.Errorf("%s: %w", path, err))
		}
		return hand, err
	}
	for _, k := range s.kept() {
		if public, err := os.ReadFile(path + ".pub"); err == nil {
			if p, err := sshsig.ParsePublicKey(string(public)); err == nil && p.ID() == k.ID() {
				return k, nil
			}
		}
	}
	if s.Passphrase == nil {
		return hand, denied("load it with ssh-add, or run the command in a terminal", fmt.Errorf("%s: %w", path, err))
	}
	phrase, err := s.Passphrase(path)
	if err != nil {
		return hand, denied("", err)
	}
	if hand, err = sshsig.ParsePrivateKey(content, phrase); err != nil {
		err = denied("try again", fmt.Errorf("%s: the passphrase does not open it", path))
	}
	return hand, err
}

// usual looks for somebody's key where SSH keeps them: agent first, then the
// default file, which is opened only when it is somebody's.
func (s Source) usual(owners map[string]string) (*sshsig.Signer, string, error) {
	for _, k := range s.kept() {
		if name, ok := owners[k.ID()]; ok {
			return &k, name, nil
		}
	}
	if s.Home == "" {
		return nil, "", nil
	}
	path := filepath.Join(s.Home, ".ssh", "id_ed25519")
	public, err := os.ReadFile(path + ".pub")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", denied("", err)
	}
	key, err := sshsig.ParsePublicKey(string(public))
	if err != nil {
		return nil, "", nil // not a key of ours
	}
	name, ok := owners[key.ID()]
	if !ok {
		return nil, "", nil
	}
	content, err := os.ReadFile(path) //nolint:gosec // the user's own key
	if err != nil {
		return nil, "", denied("", err)
	}
	hand, err := s.open(path, content)
	return &hand, name, err
}

// kept gives the keys of the agent; none when there is no agent.
func (s Source) kept() []sshsig.Signer {
	if s.Agent == "" {
		return nil
	}
	c, err := net.Dial("unix", s.Agent) //nolint:noctx // a socket of this machine answers at once or not at all
	if err != nil {
		return nil
	}
	signers, err := agent.NewClient(c).Signers() // it signs over the connection, which ends with the process
	if err != nil {
		_ = c.Close()
		return nil
	}
	return wrap(signers)
}

func wrap(signers []ssh.Signer) []sshsig.Signer {
	out := make([]sshsig.Signer, len(signers))
	for i, k := range signers {
		out[i] = sshsig.NewSigner(k)
	}
	return out
}

func denied(hint string, err error) error {
	return &fairlead.Problem{Op: "recognise who acts", Kind: fairlead.KindDenied, Hint: hint, Err: err}
}
