package worker

import (
	"context"
	"fmt"
	"time"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/evidence"
	"fairlead.dev/step"
)

// conclude turns what the step left into the task's result and signs its claims.
func (j *job) conclude(ctx context.Context, out step.Out, err error) error {
	if err != nil {
		j.end(resultOf(err), err.Error(), err)
		return nil
	}
	for _, a := range out.Artifacts {
		if name := command.Redact(a.Name, j.secrets); name != a.Name {
			j.end(fairlead.ResultFailure, "artifact "+name+": its name has the value of a declared variable in it, which must not be recorded", nil)
			return nil
		}
	}
	out.Reason = command.Redact(out.Reason, j.secrets)
	for i := range out.Findings {
		out.Findings[i].Message = command.Redact(out.Findings[i].Message, j.secrets)
		out.Findings[i].Location.Path = command.Redact(out.Findings[i].Location.Path, j.secrets)
	}
	for i, m := range out.Missed {
		out.Missed[i] = command.Redact(m, j.secrets)
	}
	j.tr.Artifacts, j.tr.Cases, j.tr.Findings, j.tr.Measurements = out.Artifacts, out.Cases, out.Findings, out.Measurements
	j.tr.Engine, j.tr.Partial, j.tr.Missed, j.tr.Advisories = j.typ.Version, out.Partial, out.Missed, out.Advisories
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
	return j.sign(ctx, out.Claims, j.tr.FinishedAt)
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

// sign signs claims that were proven at a time. A claim without subjects is
// about the commit.
func (j *job) sign(ctx context.Context, claims []fairlead.Claim, at time.Time) error {
	for _, c := range claims {
		c = evidence.About(c, j.order.Plan.Event.Commit)
		e, err := j.Signer.Sign(ctx, j.order.RunID, j.order.Task.ID, c, at)
		if err != nil {
			return err
		}
		j.evidence = append(j.evidence, e)
		j.tr.Evidence = append(j.tr.Evidence, e.ID)
	}
	return nil
}
