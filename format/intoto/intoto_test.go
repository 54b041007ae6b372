package intoto

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"pgregory.net/rapid"
)

func key(id string) Key {
	seed := bytes.Repeat([]byte(id), ed25519.SeedSize)[:ed25519.SeedSize]
	private := ed25519.NewKeyFromSeed(seed)
	return Key{ID: id, Public: private.Public().(ed25519.PublicKey), Private: private}
}

func statement() Statement {
	return Statement{
		Type:          StatementType,
		Subject:       []Subject{{Name: "bin/shop", Digest: map[string]string{"sha256": strings.Repeat("ab", 32)}, Annotations: map[string]string{"a": "b"}}},
		PredicateType: "https://example.org/test/v1",
		Predicate:     json.RawMessage(`{"big":12345678901234567890,"ok":true}`),
	}
}

func seal(t *testing.T, s Statement, k Key) []byte {
	t.Helper()
	b, err := Seal(t.Context(), s, k)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSealedStatementOpens(t *testing.T) {
	a, b := key("a"), key("b")
	envelope := seal(t, statement(), a)
	got, id, err := Open(envelope, []Key{b, {ID: "a", Public: a.Public}})
	if err != nil || id != "a" {
		t.Fatalf("key %q, %v", id, err)
	}
	if diff := cmp.Diff(statement(), got); diff != "" {
		t.Error(diff)
	}
	if !bytes.Equal(envelope, seal(t, statement(), a)) {
		t.Error("sealing again gives other bytes")
	}
	if _, err := Seal(t.Context(), statement(), Key{ID: "a", Public: a.Public}); err == nil {
		t.Error("a public key signed")
	}
}

// The library that defines the envelope agrees that the signature is good.
func TestLibraryAcceptsTheEnvelope(t *testing.T) {
	var e dsse.Envelope
	if err := json.Unmarshal(seal(t, statement(), key("a")), &e); err != nil {
		t.Fatal(err)
	}
	payload, err := e.DecodeB64Payload()
	if err != nil {
		t.Fatal(err)
	}
	sig, err := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
	if err != nil || !ed25519.Verify(key("a").Public, dsse.PAE(PayloadType, payload), sig) {
		t.Errorf("signature over the pre-authentication encoding: %v", err)
	}
}

func TestEachForgeryHasItsReason(t *testing.T) {
	a, b := key("a"), key("b")
	edit := func(f func(*dsse.Envelope)) []byte {
		var e dsse.Envelope
		if err := json.Unmarshal(seal(t, statement(), a), &e); err != nil {
			t.Fatal(err)
		}
		f(&e)
		out, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	reseal := func(payloadType string, payload []byte) []byte {
		return edit(func(e *dsse.Envelope) {
			e.PayloadType, e.Payload = payloadType, base64.StdEncoding.EncodeToString(payload)
			e.Signatures[0].Sig = base64.StdEncoding.EncodeToString(ed25519.Sign(a.Private, dsse.PAE(payloadType, payload)))
		})
	}
	for _, tt := range []struct {
		name     string
		envelope []byte
		want     error
	}{
		{"another key under its own name", seal(t, statement(), b), ErrUnknownKey},
		{"another key under a trusted name", seal(t, statement(), Key{ID: "a", Public: b.Public, Private: b.Private}), ErrSignature},
		{"no key name", edit(func(e *dsse.Envelope) { e.Signatures[0].KeyID = "" }), ErrUnknownKey},
		{"no signature", edit(func(e *dsse.Envelope) { e.Signatures = nil }), ErrNoSignature},
		{"empty signature", edit(func(e *dsse.Envelope) { e.Signatures[0].Sig = "" }), ErrSignature},
		{"cut signature", edit(func(e *dsse.Envelope) { e.Signatures[0].Sig = e.Signatures[0].Sig[:40] }), ErrSignature},
		{"signature is not base64", edit(func(e *dsse.Envelope) { e.Signatures[0].Sig = "!" }), ErrSignature},
		{"the same signature twice", edit(func(e *dsse.Envelope) { e.Signatures = append(e.Signatures, e.Signatures[0]) }), ErrDuplicate},
		{"a wrong one beside a good one", edit(func(e *dsse.Envelope) {
			e.Signatures = append([]dsse.Signature{{KeyID: "a", Sig: "AAAA"}}, e.Signatures...)
		}), ErrSignature},
		{"changed payload", edit(func(e *dsse.Envelope) {
			raw, _ := base64.StdEncoding.DecodeString(e.Payload)
			e.Payload = base64.StdEncoding.EncodeToString(bytes.Replace(raw, []byte("shop"), []byte("shot"), 1))
		}), ErrSignature},
		{"another payload type", edit(func(e *dsse.Envelope) { e.PayloadType = "application/json" }), ErrPayloadType},
		{"signed under another payload type", reseal("text/plain", []byte("{}")), ErrPayloadType},
		{"signature without the envelope's encoding", edit(func(e *dsse.Envelope) {
			raw, _ := base64.StdEncoding.DecodeString(e.Payload)
			e.Signatures[0].Sig = base64.StdEncoding.EncodeToString(ed25519.Sign(a.Private, raw))
		}), ErrSignature},
		{"another spelling of the payload", edit(func(e *dsse.Envelope) { e.Payload += "\n" }), ErrEnvelope},
		{"payload is not base64", edit(func(e *dsse.Envelope) { e.Payload = "?" }), ErrEnvelope},
		{"something follows", append(seal(t, statement(), a), "{}"...), ErrEnvelope},
		{"not JSON", []byte("envelope"), ErrEnvelope},
		{"signed nonsense", reseal(PayloadType, []byte("nonsense")), ErrStatement},
		{"another statement type", reseal(PayloadType, []byte(`{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":"a","digest":{"x":"y"}}],"predicateType":"p","predicate":{}}`)), ErrStatement},
		{"no subject", reseal(PayloadType, []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"p","predicate":{}}`)), ErrStatement},
		{"subject without digest", reseal(PayloadType, []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a"}],"predicateType":"p","predicate":{}}`)), ErrStatement},
		{"a key twice", reseal(PayloadType, []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"x":"y"}}],"predicateType":"p","predicateType":"q","predicate":{}}`)), ErrStatement},
		{"predicate is a list", reseal(PayloadType, []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"x":"y"}}],"predicateType":"p","predicate":[]}`)), ErrStatement},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, id, err := Open(tt.envelope, []Key{a})
			if !errors.Is(err, tt.want) || id != "" {
				t.Errorf("key %q, error %v, want %v", id, err, tt.want)
			}
		})
	}
	if _, _, err := Open(seal(t, statement(), a), nil); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("with nobody trusted: %v", err)
	}
	stranger := edit(func(e *dsse.Envelope) { e.Signatures = append(e.Signatures, dsse.Signature{KeyID: "z", Sig: "AAAA"}) })
	if _, id, err := Open(stranger, []Key{a}); err != nil || id != "a" {
		t.Errorf("a stranger's signature beside a trusted one: %q, %v", id, err)
	}
}

// No bit of an envelope's payload or signature can change unnoticed.
func TestEveryBitIsCovered(t *testing.T) {
	a := key("a")
	var e dsse.Envelope
	if err := json.Unmarshal(seal(t, statement(), a), &e); err != nil {
		t.Fatal(err)
	}
	payload, _ := base64.StdEncoding.DecodeString(e.Payload)
	sig, _ := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
	rapid.Check(t, func(t *rapid.T) {
		p, s := bytes.Clone(payload), bytes.Clone(sig)
		where := rapid.IntRange(0, 8*(len(p)+len(s))-1).Draw(t, "bit")
		if at := where / 8; at < len(p) {
			p[at] ^= 1 << (where % 8)
		} else {
			s[at-len(p)] ^= 1 << (where % 8)
		}
		b, err := json.Marshal(dsse.Envelope{
			PayloadType: PayloadType, Payload: base64.StdEncoding.EncodeToString(p),
			Signatures: []dsse.Signature{{KeyID: "a", Sig: base64.StdEncoding.EncodeToString(s)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(b, []Key{a}); !errors.Is(err, ErrSignature) {
			t.Fatalf("bit %d: %v", where, err)
		}
	})
}

func TestStatementsThatCannotBeEncoded(t *testing.T) {
	for name, edit := range map[string]func(*Statement){
		"no subject":          func(s *Statement) { s.Subject = nil },
		"no digest":           func(s *Statement) { s.Subject[0].Digest = nil },
		"short digest":        func(s *Statement) { s.Subject[0].Digest = map[string]string{"sha256": "ab"} },
		"no predicate type":   func(s *Statement) { s.PredicateType = "" },
		"no predicate":        func(s *Statement) { s.Predicate = nil },
		"predicate is a list": func(s *Statement) { s.Predicate = json.RawMessage("[]") },
		"predicate is broken": func(s *Statement) { s.Predicate = json.RawMessage("{") },
	} {
		s := statement()
		edit(&s)
		if _, err := s.Encode(); !errors.Is(err, ErrStatement) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	a := key("a")
	good, err := Seal(f.Context(), statement(), a)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"a","sig":""}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, id, err := Open(b, []Key{{ID: "a", Public: a.Public}})
		if err != nil {
			if id != "" || s.Predicate != nil {
				t.Fatal("something came with an error")
			}
			return
		}
		if !cmp.Equal(s, statement()) {
			t.Fatalf("a statement nobody signed: %+v", s)
		}
	})
}

func FuzzDecodeStatement(f *testing.F) {
	good, err := statement().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeStatement(b)
		if err != nil {
			if !errors.Is(err, ErrStatement) {
				t.Fatalf("an error of another kind: %v", err)
			}
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := DecodeStatement(again); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}
