package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"fairlead.dev"
)

const (
	manager = "fairlead"         // applies what the manifests say
	mover   = "fairlead-traffic" // moves traffic between releases
)

// cluster is one namespace of one cluster.
type cluster struct {
	namespace   string
	credentials fairlead.Digest // of the files that name it
	dynamic     dynamic.Interface
	http        *http.Client
	base        *url.URL

	mu    sync.Mutex
	kinds map[string][]metav1.APIResource // what each group and version has; the lock guards it
}

// kubeconfigs are the rules by which the files are found that name a cluster.
func kubeconfigs(c Config) *clientcmd.ClientConfigLoadingRules {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = c.Kubeconfig
	return rules
}

// credentialsOf tells by its digest what is written in the kubeconfig now.
func credentialsOf(c Config) fairlead.Digest {
	var all []string
	for _, path := range kubeconfigs(c).GetLoadingPrecedence() {
		raw, err := os.ReadFile(path) //nolint:gosec // the kubeconfig that the config names, as connect reads it
		all = append(all, path, fmt.Sprint(err), string(fairlead.DigestBytes(raw)))
	}
	return fairlead.DigestJSON(all)
}

// connect opens the cluster that a config names. Nothing is asked of it yet.
func connect(c Config) (*cluster, error) {
	const op = "open cluster"
	rules := kubeconfigs(c)
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{
		CurrentContext: c.Context, Context: api.Context{Namespace: c.Namespace},
	})
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, invalid(op, "see `kubectl config get-contexts` for the contexts there are", err)
	}
	if c.Kubeconfig != "" && config.ExecProvider != nil {
		return nil, denied(op, "name it in KUBECONFIG where the control plane runs, or let the context have a token or a certificate",
			fmt.Errorf("%s runs the command %s, and a commit that names it would choose what runs here", c.Kubeconfig, config.ExecProvider.Command))
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, invalid(op, "", err)
	}
	config.QPS, config.Burst, config.Timeout, config.UserAgent = 200, 400, 30*time.Second, "fairlead"
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, invalid(op, "", err)
	}
	dyn, err := dynamic.NewForConfigAndClient(config, client)
	if err != nil {
		return nil, invalid(op, "", err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, invalid(op, "", err)
	}
	return &cluster{namespace: namespace, dynamic: dyn, http: client, base: base, kinds: map[string][]metav1.APIResource{}}, nil
}

// resource gives the API of a kind in our namespace. A kind that the cluster
// does not have, or one that belongs to no namespace, is KindInvalid.
func (c *cluster) resource(ctx context.Context, kind schema.GroupVersionKind) (dynamic.ResourceInterface, error) {
	const op = "find kind"
	for _, anew := range []bool{false, true} { // a kind may have come since we asked
		all, err := c.kindsOf(ctx, kind.GroupVersion(), anew)
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			if r.Kind != kind.Kind || strings.Contains(r.Name, "/") {
				continue
			}
			if !r.Namespaced {
				return nil, invalid(op, "a release has only what lies in its namespace; let whoever runs the cluster make the rest", fmt.Errorf("%s belongs to no namespace", kind.Kind))
			}
			return c.in(kind.GroupVersion().WithResource(r.Name)), nil
		}
	}
	return nil, noSuchKind(kind.GroupVersion().String() + " " + kind.Kind)
}

// kindsOf tells what a group and version has. The cluster is asked once, and
// anew when that is wanted.
func (c *cluster) kindsOf(ctx context.Context, gv schema.GroupVersion, anew bool) ([]metav1.APIResource, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if all, ok := c.kinds[gv.String()]; ok && !anew {
		return all, nil
	}
	path := "/apis/" + gv.String()
	if gv.Group == "" {
		path = "/api/" + gv.Version
	}
	body, err := c.open(ctx, path)
	if apierrors.IsNotFound(err) {
		return nil, noSuchKind(gv.String())
	}
	if err != nil {
		return nil, c.problem("ask for kinds", err)
	}
	defer body.Close()
	var list metav1.APIResourceList
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		return nil, unavailable("ask for kinds", "", err)
	}
	c.kinds[gv.String()] = list.APIResources
	return list.APIResources, nil
}

func noSuchKind(name string) error {
	return invalid("find kind", "install what defines it, or correct apiVersion and kind", fmt.Errorf("the cluster has no %s", name))
}

// in gives a resource of our namespace.
func (c *cluster) in(r schema.GroupVersionResource) dynamic.ResourceInterface {
	return c.dynamic.Resource(r).Namespace(c.namespace)
}

// open reads a path of the API server. The caller closes what it gets.
func (c *cluster) open(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.base.String(), "/")+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode < http.StatusBadRequest {
		return res.Body, nil
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	var status metav1.Status
	if err := json.Unmarshal(text, &status); err == nil && status.Reason != "" {
		return nil, &apierrors.StatusError{ErrStatus: status}
	}
	return nil, apierrors.NewGenericServerResponse(res.StatusCode, "get", schema.GroupResource{}, path, string(text), 0, true)
}
