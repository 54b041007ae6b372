package process

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/target"
)

// signer signs the tests' decisions; checkPapers trusts it alone.
func signer() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) }

type paper struct {
	Release   fairlead.Digest
	Place     target.Place
	Signature []byte
}

func checkPapers(at target.Place, b target.Bundle) error {
	var p paper
	if err := json.Unmarshal(b.Decision.Envelope, &p); err != nil {
		return denied("verify decision", "", err)
	}
	if p.Place != at || p.Release != b.Release.ID {
		return denied("verify decision", "", errors.New("it is about something else"))
	}
	if !ed25519.Verify(signer().Public().(ed25519.PublicKey), p.text(), p.Signature) {
		return denied("verify decision", "", errors.New("the signature is not one of a trusted key"))
	}
	return nil
}

// makeRelease builds a release of the test service. The first word is what it answers.
func makeRelease(t testing.TB, words ...string) goods {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := []byte(fmt.Sprintf("#!/bin/sh\nexec '%s' service %s\n", self, strings.Join(words, " ")))
	g := makeReleaseOf(t, map[string][]byte{"bin/shop": script}, "bin/shop")
	g.word = words[0]
	return g
}

func makeReleaseOf(t testing.TB, files map[string][]byte, command ...string) goods {
	t.Helper()
	g := goods{content: map[fairlead.Digest][]byte{}}
	r := fairlead.Release{Service: shop.Service, Commit: "c0ffee", Command: command, Env: map[string]string{"GREETING": "hello"}}
	for name, b := range files {
		d := fairlead.DigestBytes(b)
		g.content[d] = b
		r.Artifacts = append(r.Artifacts, fairlead.Artifact{Name: name, Digest: d, Size: int64(len(b)), Mode: 0o755})
	}
	g.Release = r.Identify()
	g.sign(shop)
	return g
}

// want is a desired state of releases with two replicas each.
func want(fence int64, wanted ...target.Wanted) target.Desired {
	return target.Desired{Fence: fence, Config: json.RawMessage(fast), Releases: wanted}
}

func run(g goods, replicas, weight int) target.Wanted {
	return target.Wanted{Release: g.id(), Replicas: replicas, Weight: weight}
}
