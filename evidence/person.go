package evidence

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/intoto"
	"fairlead.dev/format/sshsig"
)

// Hand is a person's own key.
type Hand interface {
	ID() string // fingerprint
	Sign(data []byte) ([]byte, error)
}

// SignByHand makes evidence of what a person states about a commit, signed
// with his own SSH key. What is said must encode as a JSON object; runID is
// empty when it is about no run.
func SignByHand(ctx context.Context, h Hand, runID, commit, predicateType string, said any, at time.Time) (fairlead.Evidence, error) {
	c := About(fairlead.Claim{PredicateType: predicateType, Predicate: encode(said)}, commit)
	subjects, err := toStandard(c, runID, "", at)
	if err != nil {
		return fairlead.Evidence{}, signProblem(err)
	}
	envelope, err := intoto.SealBy(ctx, intoto.Statement{Subject: subjects, PredicateType: predicateType, Predicate: c.Predicate}, h.ID(), h.Sign)
	if err != nil {
		return fairlead.Evidence{}, signProblem(err)
	}
	return fairlead.Evidence{
		ID: fairlead.DigestBytes(envelope), RunID: runID, PredicateType: predicateType,
		Subjects: c.Subjects, KeyID: h.ID(), Envelope: envelope, Time: at,
	}, nil
}

// SignForAccount makes evidence of what the user of an account states: it says
// no more than that Fairlead, with its own key, saw that account. Whoever can
// read the key can state it as well.
func (s *Signer) SignForAccount(ctx context.Context, runID, commit, predicateType string, said any, at time.Time) (fairlead.Evidence, error) {
	return s.Sign(ctx, runID, "", About(fairlead.Claim{PredicateType: predicateType, Predicate: encode(said)}, commit), at)
}

// Witness knows by which keys people speak. Own are the keys of Fairlead
// itself, which speak for people known by account.
type Witness struct{ Own Trust }

// Vouch gives nil when e is a statement of p whose predicate is said, of the
// type. A person with keys speaks by one of them and in no other way; one
// without speaks by an account of his that Fairlead saw. Any doubt is
// KindDenied.
func (w Witness) Vouch(e fairlead.Evidence, p fairlead.Person, account, predicateType string, said any) error {
	s, err := w.open(e, p, account)
	if err != nil {
		return err
	}
	want := encode(said)
	var got bytes.Buffer
	if err := json.Compact(&got, s.Predicate); err != nil {
		return refuse("", err)
	}
	if s.PredicateType != predicateType || !bytes.Equal(got.Bytes(), want) {
		return refuse("the row beside the signed statement was changed: find out who changed it",
			fmt.Errorf("evidence %s states something else than %s", e.ID.Short(), p.Name+" is said to have stated"))
	}
	return nil
}

func (w Witness) open(e fairlead.Evidence, p fairlead.Person, account string) (Statement, error) {
	if len(p.Keys) == 0 {
		if account == "" || !slices.Contains(p.Accounts, account) {
			return Statement{}, refuse("", fmt.Errorf("account %q is not %s's", account, p.Name))
		}
		return w.Own.Verify(e)
	}
	if got := fairlead.DigestBytes(e.Envelope); got != e.ID {
		return Statement{}, refuse("the evidence was changed after it was stored", fmt.Errorf("evidence %s: its envelope has digest %s", e.ID.Short(), got.Short()))
	}
	var trusted []intoto.Verifier
	for _, line := range p.Keys {
		key, err := sshsig.ParsePublicKey(line)
		if err != nil {
			return Statement{}, refuse("mend people."+p.Name+".keys", err)
		}
		trusted = append(trusted, intoto.Verifier{ID: key.ID(), Verify: key.Verify})
	}
	standard, keyID, err := intoto.OpenBy(e.Envelope, trusted)
	if err != nil {
		hint := "the statement or its signature was forged or damaged"
		if errors.Is(err, intoto.ErrUnknownKey) {
			hint = "add the key to people." + p.Name + ".keys if it is " + p.Name + "'s"
		}
		return Statement{}, refuse(hint, fmt.Errorf("evidence %s: %w", e.ID.Short(), err))
	}
	s, err := fromStandard(standard, keyID)
	if err == nil {
		err = matches(e, s)
	}
	if err != nil {
		return Statement{}, refuse("the row beside the signed statement was changed", err)
	}
	return s, nil
}
