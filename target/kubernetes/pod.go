package kubernetes

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// pod is what is looked at of a pod. The library of all types would cost every
// command of the program five milliseconds at its start.
type pod struct {
	metav1.ObjectMeta `json:"metadata"`

	Spec struct {
		Containers []struct {
			Name string `json:"name"`
		} `json:"containers"`
	} `json:"spec"`
	Status struct {
		Phase      string            `json:"phase"`
		Conditions []condition       `json:"conditions"`
		Inits      []containerStatus `json:"initContainerStatuses"`
		Containers []containerStatus `json:"containerStatuses"`
	} `json:"status"`
}

type condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type containerStatus struct {
	Name         string         `json:"name"`
	Image        string         `json:"image"`
	RestartCount int64          `json:"restartCount"`
	State        containerState `json:"state"`
	Last         containerState `json:"lastState"`
}

type containerState struct {
	Waiting *struct {
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"waiting"`
	Terminated *struct {
		Reason   string `json:"reason"`
		ExitCode int64  `json:"exitCode"`
	} `json:"terminated"`
}

// podsIn reads the pods of a list.
func podsIn(list *unstructured.UnstructuredList) ([]pod, error) {
	all := make([]pod, len(list.Items))
	for i, item := range list.Items {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &all[i]); err != nil {
			return nil, unavailable("look at pods", "", err)
		}
	}
	return all, nil
}

func onlyReady(all []pod) []pod {
	return slices.DeleteFunc(all, func(p pod) bool { return !p.ready() })
}

func (p pod) ready() bool {
	return p.DeletionTimestamp == nil && slices.ContainsFunc(p.Status.Conditions, func(c condition) bool {
		return c.Type == "Ready" && c.Status == "True"
	})
}
