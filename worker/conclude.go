package worker

import (
	"context"
	"encoding/json"
	"fmt"

	"fairlead.dev"
	"fairlead.dev/step"
)

// conclude turns what the step left into the task's result and signs its claims.
func (j *job) conclude(ctx context.Context, out step.Out, err error) error {
	if err != nil {
		j.end(resultOf(err), err.Error(), err)
		return nil
	}
	j.tr.Artifacts, j.tr.Cases, j.tr.Findings, j.tr.Measurements = out.Artifacts, out.Cases, out.Findings, out.Measurements
	switch out.Outcome {
	case step.Done:
		j.end(fairlead.ResultSuccess, out.Reason, nil)
	case step.Skipped:
		j.end(fairlead.ResultSkip, out.Reason, nil)
	case step.Failed, step.Waiting:
		j.end(fairlead.ResultFailure, out.Reason, nil)
	default:
		j.end(fairlead.ResultError, fmt.Sprintf("step type %s ended with unknown outcome %q", j.tr.Type, out.Outcome), nil)
		return nil
	}
	return j.sign(ctx, out.Claims)
}

// resultOf gives the result of a task that ended with an error.
func resultOf(err error) fairlead.Result {
	switch fairlead.KindOf(err) {
	case fairlead.KindCancelled:
		return fairlead.ResultCancellation
	case fairlead.KindTimeout:
		return fairlead.ResultTimeout
	case fairlead.KindFailed, fairlead.KindDenied:
		return fairlead.ResultFailure
	default:
		return fairlead.ResultError
	}
}

// sign signs claims. A claim without subjects is about the commit.
func (j *job) sign(ctx context.Context, claims []fairlead.Claim) error {
	for _, c := range claims {
		if len(c.Subjects) == 0 {
			c.Subjects = []fairlead.Subject{commitSubject(j.order.Plan.Event)}
		}
		e, err := j.Signer.Sign(ctx, j.order.RunID, j.order.Task.ID, c, j.tr.FinishedAt)
		if err != nil {
			return err
		}
		j.evidence = append(j.evidence, e)
		j.tr.Evidence = append(j.tr.Evidence, e.ID)
	}
	return nil
}

// commitSubject names a commit as a subject: git's object id is not a sha256
// of the content, so the digest is over the id.
func commitSubject(e fairlead.Event) fairlead.Subject {
	return fairlead.Subject{Name: "git:" + e.Commit, Digest: fairlead.DigestBytes([]byte(e.Commit))}
}

// rewrite gives an old claim as one about this run's commit. Predicates of our
// own say where the work was really done; those of a standard stay as they
// are, since their schemas leave no room.
func rewrite(c fairlead.Claim, commit string, from fairlead.TaskRun, evidence fairlead.Digest) (fairlead.Claim, error) {
	if c.PredicateType != fairlead.PredicateBuild && c.PredicateType != fairlead.PredicateScan {
		return c, nil
	}
	var p map[string]any
	if err := json.Unmarshal(c.Predicate, &p); err != nil {
		return c, err
	}
	p["commit"] = commit
	p["reused_from"] = map[string]any{"run": from.RunID, "task": from.ID, "evidence": evidence}
	raw, err := json.Marshal(p)
	c.Predicate = raw
	return c, err
}
