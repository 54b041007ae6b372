package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fairlead.dev"
)

func invalid(op, hint string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Hint: hint, Err: err}
}

func denied(op, hint string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindDenied, Hint: hint, Err: err}
}

func conflict(op, hint string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindConflict, Hint: hint, Err: err}
}

func unavailable(op, hint string, err error) error {
	return &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Hint: hint, Err: err}
}

// problem says what an answer of the API server means: what was refused and
// stays refused is KindDenied or KindInvalid, what is worth another try
// KindUnavailable.
func (c *cluster) problem(op string, err error) error {
	var own *fairlead.Problem
	switch {
	case err == nil || errors.As(err, &own) || errors.Is(err, context.Canceled):
		return err
	case apierrors.IsNotFound(err) && c.isNamespace(err):
		return invalid(op, "kubectl create namespace "+c.namespace, fmt.Errorf("namespace %s does not exist", c.namespace))
	case apierrors.IsUnauthorized(err):
		return denied(op, "renew the credentials of the kubeconfig's context", err)
	case owned(err):
		return denied(op, "remove the field from the manifests, or let its owner give it up; what was applied by hand before the first release "+
			"is handed over once: kubectl apply --server-side --field-manager="+manager+" --force-conflicts -f MANIFESTS", fmt.Errorf("not ours to change: %s", owners(err)))
	case strings.Contains(err.Error(), "failed calling webhook"):
		return unavailable(op, "an admission webhook of the cluster does not answer: see to it, nothing passes it until then", err)
	case refusedByPolicy(err):
		return denied(op, ofPolicy, err)
	case apierrors.IsForbidden(err):
		return c.forbidden(op, err)
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return invalid(op, "correct the manifests", err)
	case apierrors.IsNotFound(err):
		return &fairlead.Problem{Op: op, Kind: fairlead.KindNotFound, Err: err}
	case apierrors.IsConflict(err), apierrors.IsAlreadyExists(err):
		return &fairlead.Problem{Op: op, Kind: fairlead.KindTransient, Err: err} // somebody wrote in between
	}
	return unavailable(op, unreachable(err), err)
}

func unreachable(err error) string {
	var network net.Error
	if errors.As(err, &network) {
		return "does the API server answer? kubectl version shows it"
	}
	return ""
}

// forbidden tells a missing permission from a full quota and from a policy.
func (c *cluster) forbidden(op string, err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "exceeded quota"):
		return denied(op, "raise the quota of namespace "+c.namespace+" or ask for less", err)
	case strings.Contains(text, "is being terminated"):
		return denied(op, "wait until the namespace is gone and make it anew", err)
	case strings.Contains(text, "cannot "):
		return denied(op, "`fairlead explain target kubernetes --rbac` prints the Role that is needed", err)
	}
	return denied(op, ofPolicy, err)
}

const ofPolicy = "change the manifests so that the cluster's policy lets them in"

// refusedByPolicy tells what an admission webhook or policy refused. Which
// reason the answer has is theirs to choose, so its words tell.
func refusedByPolicy(err error) bool {
	text := err.Error()
	return strings.Contains(text, "admission webhook") || strings.Contains(text, "ValidatingAdmissionPolicy")
}

func (c *cluster) isNamespace(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces"
}

// owned tells whether err is a conflict of field managers.
func owned(err error) bool { return len(causes(err)) > 0 }

// owners lists who owns which field.
func owners(err error) string {
	var words []string
	for _, c := range causes(err) {
		words = append(words, c.Field+" belongs to "+strings.TrimPrefix(c.Message, "conflict with "))
	}
	return strings.Join(words, "; ")
}

func causes(err error) []metav1.StatusCause {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var out []metav1.StatusCause
	for _, c := range status.Status().Details.Causes {
		if c.Type == metav1.CauseTypeFieldManagerConflict {
			out = append(out, c)
		}
	}
	return out
}

// oursAlone tells whether a conflict is only with what we wrote ourselves in
// another way.
func oursAlone(err error) bool {
	for _, c := range causes(err) {
		if !strings.Contains(c.Message, `"`+manager+`"`) && !strings.Contains(c.Message, `"`+mover+`"`) {
			return false
		}
	}
	return true
}
