package evidence

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"fairlead.dev"
)

var (
	noon   = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	commit = strings.Repeat("ab", 20)
)

// bench is one signer, what it signed, and the release that it is about.
type bench struct {
	t      *testing.T
	signer *Signer
	trust  Trust
}

func newBench(t *testing.T) bench {
	s := open(t, filepath.Join(t.TempDir(), "keys"))
	return bench{t: t, signer: s, trust: TrustKeys(s.Public())}
}

func (b bench) sign(c fairlead.Claim) fairlead.Evidence {
	return b.signAs(b.signer, "run-1", "build", c)
}

func (b bench) signAs(s *Signer, run, task string, c fairlead.Claim) fairlead.Evidence {
	b.t.Helper()
	e, err := s.Sign(b.t.Context(), run, task, c, noon)
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

func artifact(content string) fairlead.Artifact {
	return fairlead.Artifact{Name: "bin/" + content, Digest: fairlead.DigestBytes([]byte(content)), Size: int64(len(content)), Mode: 0o755}
}

func buildClaim(commit string, artifacts ...fairlead.Artifact) fairlead.Claim {
	c := fairlead.Claim{PredicateType: fairlead.PredicateBuild, Predicate: encode(map[string]string{"command": "go build", "commit": commit})}
	for _, a := range artifacts {
		c.Subjects = append(c.Subjects, fairlead.Subject{Name: a.Name, Digest: a.Digest})
	}
	return c
}

// entry is a release that may enter production.
func (b bench) entry() Entry {
	shop := artifact("shop")
	r := fairlead.Release{Service: "shop", Commit: commit, Artifacts: []fairlead.Artifact{shop}, Command: []string{"bin/shop"}}.Identify()
	return Entry{
		Environment: "production", Service: "shop", Release: r,
		Decision: b.signAs(b.signer, "run-1", "", DecisionClaim(decisionFor(r), r)),
		Builds:   []fairlead.Evidence{b.sign(buildClaim(commit, shop))},
	}
}

func decisionFor(r fairlead.Release) fairlead.Decision {
	return fairlead.Decision{
		ID: "run-1/decision", RunID: "run-1", Environment: "production", Commit: r.Commit, Release: r.ID,
		Outcome: fairlead.OutcomeAllow, Rules: []fairlead.RuleOutcome{}, Evidence: []fairlead.Digest{}, Time: noon,
	}
}

// decide replaces the decision by one that is edited and then signed.
func (b bench) decide(e *Entry, edit func(*fairlead.Decision)) {
	d := decisionFor(e.Release)
	edit(&d)
	e.Decision = b.signAs(b.signer, "run-1", "", DecisionClaim(d, e.Release))
}

func refused(t *testing.T, err error, want string) {
	t.Helper()
	if fairlead.KindOf(err) != fairlead.KindDenied || !strings.Contains(fmt.Sprint(err), want) || fairlead.HintOf(err) == "" {
		t.Errorf("%v (%s, hint %q), want a refusal with %q", err, fairlead.KindOf(err), fairlead.HintOf(err), want)
	}
}

func TestSignedClaimVerifies(t *testing.T) {
	b := newBench(t)
	c := buildClaim(commit, artifact("shop"), artifact("tool"))
	e := b.sign(c)
	s, err := b.trust.Verify(e)
	if err != nil {
		t.Fatal(err)
	}
	want := Statement{RunID: "run-1", TaskID: "build", Time: noon, KeyID: b.signer.Public().ID, PredicateType: c.PredicateType, Subjects: c.Subjects, Predicate: c.Predicate}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	again, err := b.signer.Sign(t.Context(), "run-1", "build", c, noon)
	if err != nil || again.ID != e.ID {
		t.Errorf("signed again: %s, %v; want %s", again.ID, err, e.ID)
	}
	if other := b.signAs(b.signer, "run-2", "build", c); other.ID == e.ID {
		t.Error("two runs share a piece of evidence")
	}
	var row fairlead.Evidence // as a store or a socket carries it
	raw, err := json.Marshal(e)
	if err == nil {
		err = json.Unmarshal(raw, &row)
	}
	if _, verr := b.trust.Verify(row); err != nil || verr != nil {
		t.Errorf("after a round trip through JSON: %v, %v", err, verr)
	}
}

func TestClaimWithoutSubjectIsAboutTheCommit(t *testing.T) {
	b := newBench(t)
	c := fairlead.Claim{PredicateType: fairlead.PredicateScan, Predicate: encode(map[string]int{"rules": 1})}
	if _, err := b.signer.Sign(t.Context(), "r", "t", c, noon); fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("without subject: %v", err)
	}
	for _, id := range []string{commit, strings.Repeat("cd", 32)} {
		s, err := b.trust.Verify(b.sign(About(c, id)))
		if err != nil || len(s.Subjects) != 1 || !strings.HasSuffix(string(s.Subjects[0].Digest), ":"+id) {
			t.Errorf("%v, %v", s.Subjects, err)
		}
	}
	c.Subjects = []fairlead.Subject{{Name: "a", Digest: "nonsense"}}
	if _, err := b.signer.Sign(t.Context(), "r", "t", About(c, commit), noon); fairlead.KindOf(err) != fairlead.KindInvalid {
		t.Errorf("a digest that is none: %v", err)
	}
}

// Each field of the row is held against what was signed.
func TestChangedEvidenceIsRefused(t *testing.T) {
	b := newBench(t)
	stranger := open(t, filepath.Join(t.TempDir(), "keys"))
	envelope := func(e *fairlead.Evidence, edit func(*dsse.Envelope)) {
		var x dsse.Envelope
		if err := json.Unmarshal(e.Envelope, &x); err != nil {
			t.Fatal(err)
		}
		edit(&x)
		e.Envelope = encode(x)
		e.ID = fairlead.DigestBytes(e.Envelope)
	}
	for _, tt := range []struct {
		name string
		edit func(*fairlead.Evidence)
		want string
	}{
		{"envelope changed, ID kept", func(e *fairlead.Evidence) { e.Envelope = append(bytes.Clone(e.Envelope), ' ') }, "its envelope has digest"},
		{"another ID", func(e *fairlead.Evidence) { e.ID = fairlead.DigestBytes(nil) }, "its envelope has digest"},
		{"no envelope", func(e *fairlead.Evidence) { e.Envelope, e.ID = nil, fairlead.DigestBytes(nil) }, "not a DSSE envelope"},
		{"payload changed", func(e *fairlead.Evidence) {
			envelope(e, func(x *dsse.Envelope) {
				p, _ := base64.StdEncoding.DecodeString(x.Payload)
				x.Payload = base64.StdEncoding.EncodeToString(bytes.Replace(p, []byte("go build"), []byte("rm build"), 1))
			})
		}, "the signature does not match"},
		{"signed by a stranger", func(e *fairlead.Evidence) {
			*e = b.signAs(stranger, "run-1", "build", buildClaim(commit, artifact("shop")))
		}, "not trusted"},
		{"a stranger under the trusted name", func(e *fairlead.Evidence) {
			*e = b.signAs(stranger, "run-1", "build", buildClaim(commit, artifact("shop")))
			envelope(e, func(x *dsse.Envelope) { x.Signatures[0].KeyID = b.signer.Public().ID })
			e.KeyID = b.signer.Public().ID
		}, "the signature does not match"},
		{"signature twice", func(e *fairlead.Evidence) {
			envelope(e, func(x *dsse.Envelope) { x.Signatures = append(x.Signatures, x.Signatures[0]) })
		}, "signed more than once"},
		{"row names another key", func(e *fairlead.Evidence) { e.KeyID = "other" }, `the row names key "other"`},
		{"row says another type", func(e *fairlead.Evidence) { e.PredicateType = fairlead.PredicateTest }, "predicate type"},
		{"row says another run", func(e *fairlead.Evidence) { e.RunID = "run-2" }, `the row says run "run-2"`},
		{"row says another task", func(e *fairlead.Evidence) { e.TaskID = "test" }, `the row says task "test"`},
		{"row names another subject", func(e *fairlead.Evidence) { e.Subjects = buildClaim(commit, artifact("evil")).Subjects }, "other subjects"},
		{"row names one subject more", func(e *fairlead.Evidence) {
			e.Subjects = buildClaim(commit, artifact("shop"), artifact("evil")).Subjects
		}, "other subjects"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := b.sign(buildClaim(commit, artifact("shop")))
			tt.edit(&e)
			_, err := b.trust.Verify(e)
			refused(t, err, tt.want)
		})
	}
	_, err := Trust{}.Verify(b.sign(buildClaim(commit, artifact("shop"))))
	refused(t, err, "not trusted")
}

func FuzzVerify(f *testing.F) {
	signer, err := OpenKey(filepath.Join(f.TempDir(), "keys"))
	if err != nil {
		f.Fatal(err)
	}
	good, err := signer.Sign(f.Context(), "r", "t", buildClaim(commit, artifact("shop")), noon)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(good.Envelope))
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"","signatures":null}`))
	trust := TrustKeys(signer.Public())
	f.Fuzz(func(t *testing.T, envelope []byte) {
		row := good
		row.Envelope, row.ID = envelope, fairlead.DigestBytes(envelope)
		s, err := trust.Verify(row)
		if err == nil && (s.RunID != "r" || !cmp.Equal(s.Subjects, good.Subjects)) {
			t.Fatalf("a statement nobody signed: %+v", s)
		}
		if err != nil && fairlead.KindOf(err) != fairlead.KindDenied {
			t.Fatalf("%v is %s", err, fairlead.KindOf(err))
		}
	})
}

func BenchmarkSign(b *testing.B) {
	s, err := OpenKey(filepath.Join(b.TempDir(), "keys"))
	if err != nil {
		b.Fatal(err)
	}
	c := buildClaim(commit, artifact("shop"))
	for b.Loop() {
		if _, err := s.Sign(b.Context(), "r", "t", c, noon); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	s, err := OpenKey(filepath.Join(b.TempDir(), "keys"))
	if err != nil {
		b.Fatal(err)
	}
	e, err := s.Sign(b.Context(), "r", "t", buildClaim(commit, artifact("shop")), noon)
	if err != nil {
		b.Fatal(err)
	}
	t := TrustKeys(s.Public())
	for b.Loop() {
		if _, err := t.Verify(e); err != nil {
			b.Fatal(err)
		}
	}
}
