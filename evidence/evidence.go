// Package evidence turns what tasks claim into signed statements and checks
// such statements: Run -> Evidence. [OpenKey] gives the key that signs,
// [LoadTrust] the keys that are believed, and [VerifyRelease] is the last
// question before an artifact starts.
//
// A statement is bound to its run and task by annotations on its first
// subject, so evidence of one run cannot stand in for another's, and to the
// time at which it was proven, so that old evidence cannot be made to look new.
package evidence

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/intoto"
)

// Annotations that bind a statement to what made it.
const (
	annotationRun  = fairlead.Host + "/run"
	annotationTask = fairlead.Host + "/task"
	annotationTime = fairlead.Host + "/time" // when it was proven, RFC 3339
	annotationFrom = fairlead.Host + "/from" // the evidence that it repeats
)

// Statement is a verified statement.
type Statement struct {
	RunID         string
	TaskID        string
	Time          time.Time       // when it was proven; zero in a statement of an early version, which did not say
	From          fairlead.Digest // the evidence that it repeats, "" for an original
	KeyID         string          // the trusted key that signed it
	PredicateType string
	Subjects      []fairlead.Subject
	Predicate     json.RawMessage
}

// About gives c a subject when it has none: the commit. A claim needs one
// before it can be signed.
func About(c fairlead.Claim, commit string) fairlead.Claim {
	if len(c.Subjects) == 0 {
		c.Subjects = []fairlead.Subject{CommitSubject(commit)}
	}
	return c
}

// CommitSubject names a commit by its object id, 40 or 64 hex digits. It is
// the one subject whose digest is not of a file: "gitCommit:<hex>".
func CommitSubject(commit string) fairlead.Subject {
	algorithm := "gitCommit"
	if len(commit) == 64 {
		algorithm = "sha256"
	}
	return fairlead.Subject{Name: "commit", Digest: fairlead.Digest(algorithm + ":" + commit)}
}

// toStandard makes the standard's subjects; the first carries the binding.
func toStandard(c fairlead.Claim, runID, taskID string, at time.Time) ([]intoto.Subject, error) {
	out := make([]intoto.Subject, len(c.Subjects))
	for i, s := range c.Subjects {
		algorithm, hex, ok := strings.Cut(string(s.Digest), ":")
		if !ok || algorithm == "" || hex == "" {
			return nil, fmt.Errorf("subject %q has digest %q, not algorithm:hex", s.Name, s.Digest)
		}
		out[i] = intoto.Subject{Name: s.Name, Digest: map[string]string{algorithm: hex}}
	}
	out[0].Annotations = map[string]string{annotationRun: runID, annotationTask: taskID, annotationTime: at.UTC().Format(time.RFC3339Nano)}
	if c.From != "" {
		out[0].Annotations[annotationFrom] = string(c.From)
	}
	return out, nil
}

// fromStandard is the way back. Fairlead signs one digest for each subject.
func fromStandard(s intoto.Statement, keyID string) (Statement, error) {
	out := Statement{KeyID: keyID, PredicateType: s.PredicateType, Predicate: s.Predicate}
	for i, sub := range s.Subject {
		if len(sub.Digest) != 1 {
			return Statement{}, fmt.Errorf("subject %q has %d digests, not one", sub.Name, len(sub.Digest))
		}
		if i == 0 {
			if err := out.bind(sub.Annotations); err != nil {
				return Statement{}, err
			}
		}
		for algorithm, hex := range sub.Digest {
			out.Subjects = append(out.Subjects, fairlead.Subject{Name: sub.Name, Digest: fairlead.Digest(algorithm + ":" + hex)})
		}
	}
	return out, nil
}

// bind reads what binds a statement to its origin.
func (s *Statement) bind(annotations map[string]string) (err error) {
	s.RunID, s.TaskID, s.From = annotations[annotationRun], annotations[annotationTask], fairlead.Digest(annotations[annotationFrom])
	if at, ok := annotations[annotationTime]; ok {
		s.Time, err = time.Parse(time.RFC3339Nano, at)
	}
	return err
}
