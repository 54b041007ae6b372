// Package intoto encodes and decodes in-toto Statements (v1) and the DSSE
// envelopes that sign them. It knows nothing of who may sign what: that is the
// business of the evidence room.
package intoto

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// StatementType is the only statement type that is read and written.
const StatementType = v1.StatementTypeUri

// ErrStatement is in the chain of every error about a malformed statement.
var ErrStatement = errors.New("not an in-toto v1 statement")

// Statement says something (the predicate) about some artifacts (the subjects).
type Statement struct {
	Type          string          `json:"_type"`
	Subject       []Subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"` // a JSON object
}

// Subject names an artifact by its digests: algorithm to lower-case hex.
// Annotations are free and signed with the rest.
type Subject struct {
	Name        string            `json:"name,omitempty"`
	Digest      map[string]string `json:"digest"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Encode gives the statement's bytes. Equal statements have equal bytes: maps
// are sorted and the predicate is compacted. The type is filled in. A
// statement that the standard does not allow is an ErrStatement.
func (s Statement) Encode() ([]byte, error) {
	s.Type = StatementType
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if err := validate(b); err != nil {
		return nil, err
	}
	return b, nil
}

// DecodeStatement reads one statement. Unknown fields are ignored, as the
// standard asks; anything else that is wrong is an ErrStatement.
func DecodeStatement(b []byte) (Statement, error) {
	if err := validate(b); err != nil {
		return Statement{}, err
	}
	var s Statement
	if err := json.Unmarshal(b, &s); err != nil {
		return Statement{}, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if s.Type != StatementType {
		return Statement{}, fmt.Errorf("%w: type is %q", ErrStatement, s.Type)
	}
	if p := bytes.TrimSpace(s.Predicate); len(p) == 0 || p[0] != '{' {
		return Statement{}, fmt.Errorf("%w: the predicate is not an object", ErrStatement)
	}
	for _, sub := range s.Subject {
		if len(sub.Digest) == 0 {
			return Statement{}, fmt.Errorf("%w: subject %q has no digest", ErrStatement, sub.Name)
		}
	}
	return s, nil
}

// validate asks the standard's own library. Its reader also refuses what the
// standard library lets through: duplicate keys and invalid UTF-8.
func validate(b []byte) error {
	var s v1.Statement
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(b, &s); err != nil {
		return fmt.Errorf("%w: %w", ErrStatement, err)
	}
	if err := s.Validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrStatement, err)
	}
	return nil
}
