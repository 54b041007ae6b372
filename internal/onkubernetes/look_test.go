package onkubernetes

import (
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// client asks the API server as the administrator, for what is looked at many
// times: each start of kubectl costs a tenth of a second of a processor.
func (s *stand) client() dynamic.Interface {
	s.t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.c.Kubeconfig)
	if err != nil {
		s.t.Fatal(err)
	}
	config.QPS, config.Burst = 200, 400
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		s.t.Fatal(err)
	}
	return client
}

// weights gives a function that tells how the route's own rule divides, as
// "80 20"; "" when there is no answer.
func (s *stand) weights() func() string {
	s.t.Helper()
	routes := s.client().Resource(schema.GroupVersionResource{
		Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes",
	}).Namespace(s.namespace)
	return func() string {
		shop, err := routes.Get(s.t.Context(), "shop", metav1.GetOptions{})
		if err != nil {
			return ""
		}
		rules, _, _ := unstructured.NestedSlice(shop.Object, "spec", "rules")
		if len(rules) < 2 {
			return ""
		}
		backends, _, _ := unstructured.NestedSlice(rules[1].(map[string]any), "backendRefs")
		var all []string
		for _, b := range backends {
			weight, _, _ := unstructured.NestedInt64(b.(map[string]any), "weight")
			all = append(all, strconv.FormatInt(weight, 10))
		}
		return strings.Join(all, " ")
	}
}

// pods gives a function that tells the release of every pod that has an
// address, by that.
func (s *stand) pods() func() (map[string]string, error) {
	s.t.Helper()
	pods := s.client().Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(s.namespace)
	return func() (map[string]string, error) {
		list, err := pods.List(s.t.Context(), metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		all := map[string]string{}
		for _, p := range list.Items {
			if address, _, _ := unstructured.NestedString(p.Object, "status", "podIP"); address != "" {
				all[address] = p.GetLabels()["fairlead.dev/release"]
			}
		}
		return all, nil
	}
}
