package kubernetes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"fairlead.dev"
)

// Config is what a configuration says about the target. It is signed with
// every release, so going back to a release goes back to its config as well.
type Config struct {
	Kubeconfig string            `json:"kubeconfig" doc:"Absolute path of the kubeconfig, which may run no commands; without it KUBECONFIG, then ~/.kube/config, then the cluster Fairlead itself runs in." example:"/etc/fairlead/kubeconfig"`
	Context    string            `json:"context" doc:"Context of the kubeconfig, which names the cluster; without it the current one." example:"staging"`
	Namespace  string            `json:"namespace" doc:"Namespace of everything the release has; without it the context's own." example:"shop"`
	Manifests  string            `json:"manifests" doc:"Directory or file of the manifests among the build's artifacts: plain YAML, a kustomization or a Helm chart, told apart by what lies there." required:"true" example:"deploy"`
	Values     []string          `json:"values" doc:"Values files of a Helm chart, among the build's artifacts; later ones win." example:"[deploy/values-staging.yaml]"`
	Deployment string            `json:"deployment" doc:"Name of the Deployment that is released, where the manifests have several." example:"shop"`
	Replicas   int               `json:"replicas" doc:"How many replicas a release runs, whatever the manifest says; left alone where a HorizontalPodAutoscaler scales the Deployment." min:"1" max:"1000"`
	Images     map[string]string `json:"images" doc:"For each image name of the manifests the artifact that holds its reference by digest, as the build pushed it." example:"{shop: image.txt}"`
	AllowTags  bool              `json:"allow-tags" doc:"Also start images that are named by tag only. What such a tag stands for may change after it was decided upon: for development only."`
	Traffic    Traffic           `json:"traffic" doc:"How traffic is divided between releases; without any key by the share of replicas behind the Service."`
	Drain      fairlead.Duration `json:"drain" doc:"How long replicas that get no more traffic keep running before they are replaced or stopped, so that gateways notice and requests end." min:"0s" max:"1h"`
}

// Traffic says how traffic is divided. At most one of the keys is set.
type Traffic struct {
	GatewayAPI string            `json:"gateway-api" doc:"Name of the HTTPRoute whose backend weights divide the traffic." example:"shop"`
	Service    string            `json:"service" doc:"Name of the Service whose selector is turned from one release to the other: all or nothing, for blue-green." example:"shop"`
	Accept     fairlead.Duration `json:"accept" doc:"How long a gateway may take to accept a changed route." min:"1s" max:"10m"`
	Measure    fairlead.Duration `json:"measure" doc:"How long it may take, once the route is accepted, until requests are seen to be divided like that. A stage's time begins only then, and a release that is seen not to get its share is rolled back. Needs a metrics server that counts requests; 0s does not wait." min:"0s" max:"1h"`
}

func defaults() Config {
	return Config{
		Replicas: 2,
		Drain:    fairlead.Duration(drainDefault),
		Traffic:  Traffic{Accept: fairlead.Duration(acceptDefault), Measure: fairlead.Duration(measureDefault)},
	}
}

// mode is how traffic is divided.
type mode string

const (
	byRoute    mode = "gateway-api"
	bySelector mode = "service"
	byReplicas mode = "replicas"
)

func (t Traffic) mode() mode {
	switch {
	case t.GatewayAPI != "":
		return byRoute
	case t.Service != "":
		return bySelector
	}
	return byReplicas
}

// dnsLabel is the form of most names in a cluster.
var dnsLabel = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)

// decodeConfig gives raw over the defaults. Everything that is wrong is one
// KindInvalid problem.
func decodeConfig(raw json.RawMessage) (Config, error) {
	c := defaults()
	if len(raw) > 0 {
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			return Config{}, invalid("read target config", "", err)
		}
	}
	if err := c.check(); err != nil {
		return Config{}, invalid("read target config", "", err)
	}
	return c, nil
}

func (c Config) check() error {
	var errs []error
	if c.Manifests == "" || !local(c.Manifests) {
		errs = append(errs, fmt.Errorf("manifests: a path among the build's artifacts (got %q)", c.Manifests))
	}
	if c.Kubeconfig != "" && !path.IsAbs(c.Kubeconfig) {
		errs = append(errs, fmt.Errorf("kubeconfig: an absolute path, since the checkout's own files are not to be trusted with it (got %q)", c.Kubeconfig))
	}
	for _, v := range c.Values {
		if !local(v) {
			errs = append(errs, fmt.Errorf("values: a path among the build's artifacts (got %q)", v))
		}
	}
	for name, file := range c.Images {
		if name == "" || !local(file) {
			errs = append(errs, fmt.Errorf("images: %s: a path among the build's artifacts (got %q)", name, file))
		}
	}
	for key, name := range map[string]string{
		"namespace": c.Namespace, "deployment": c.Deployment, "traffic.gateway-api": c.Traffic.GatewayAPI, "traffic.service": c.Traffic.Service,
	} {
		if name != "" && !dnsLabel.MatchString(name) {
			errs = append(errs, fmt.Errorf("%s: not a name of Kubernetes (got %q)", key, name))
		}
	}
	if c.Traffic.GatewayAPI != "" && c.Traffic.Service != "" {
		errs = append(errs, errors.New("traffic: gateway-api and service exclude each other"))
	}
	if c.Replicas < 1 || c.Drain < 0 || c.Traffic.Accept <= 0 || c.Traffic.Measure < 0 {
		errs = append(errs, errors.New("replicas and traffic.accept must be more than zero, drain and traffic.measure not negative"))
	}
	return errors.Join(errs...)
}

// local tells whether p is a plain path inside the release.
func local(p string) bool {
	p = strings.TrimSuffix(p, "/")
	return p != "" && p == path.Clean(p) && !path.IsAbs(p) && p != ".." && !strings.HasPrefix(p, "../")
}

// foresee says what a plan with this config does in Kubernetes' own way, and
// refuses what it cannot do.
func foresee(raw json.RawMessage, steps []fairlead.Stage) ([]string, error) {
	c, err := decodeConfig(raw)
	if err != nil {
		return nil, err
	}
	var notes []string
	switch c.Traffic.mode() {
	case byRoute:
		notes = append(notes, "traffic is divided by the weights of HTTPRoute "+c.Traffic.GatewayAPI)
	case bySelector:
		for _, s := range steps {
			if s.Weight != 100 {
				return nil, invalid("plan release", "use the strategy blue-green, or divide the traffic with gateway-api",
					fmt.Errorf("the selector of Service %s turns all traffic or none, not %d%%", c.Traffic.Service, s.Weight))
			}
		}
		notes = append(notes, "traffic is turned by the selector of Service "+c.Traffic.Service)
	default:
		notes = append(notes, fmt.Sprintf("there is no gateway: traffic is divided by the share of replicas behind the Service, "+
			"as near to each weight as %d replicas allow, and per connection", c.Replicas))
	}
	if c.AllowTags {
		notes = append(notes, "images named by tag only are started: what they stand for may change")
	}
	return notes, nil
}

// ground names the Deployment that a config is about, as far as the config
// alone tells it.
func ground(raw json.RawMessage) string {
	c, err := decodeConfig(raw)
	if err != nil {
		return ""
	}
	what := "the manifests in " + c.Manifests
	if c.Deployment != "" {
		what = "Deployment " + c.Deployment
	}
	return fmt.Sprintf("%s of namespace %q in context %q of kubeconfig %q", what, c.Namespace, c.Context, c.Kubeconfig)
}
