package gateway

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"sort"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// table says, per address that is listened at, what requests go where. It is
// not changed once it is in use.
type table map[netip.AddrPort][]rule

// rule is one match of a route's rule: requests that match go to one of its
// backends, by their weights.
type rule struct {
	hosts    []string // empty: all
	match    gatewayv1.HTTPRouteMatch
	pattern  *regexp.Regexp // of the path, where it is one
	filters  []gatewayv1.HTTPRouteFilter
	backends []backend
}

// backend is a Service and where its ready pods are.
type backend struct {
	weight    int32
	missing   bool // there is no such Service
	endpoints []netip.AddrPort
}

// unsupported names what a route asks for that this gateway does not do.
func unsupported(route *gatewayv1.HTTPRoute) string {
	for _, rule := range route.Spec.Rules {
		for _, filter := range rule.Filters {
			switch filter.Type {
			case gatewayv1.HTTPRouteFilterRequestHeaderModifier, gatewayv1.HTTPRouteFilterResponseHeaderModifier:
			default:
				return fmt.Sprintf("filter %s is not supported", filter.Type)
			}
		}
		for _, ref := range rule.BackendRefs {
			if len(ref.Filters) > 0 {
				return "filters of backends are not supported"
			}
		}
		for _, match := range rule.Matches {
			if match.Path != nil && ptr.Deref(match.Path.Type, "") == gatewayv1.PathMatchRegularExpression {
				if _, err := regexp.Compile(ptr.Deref(match.Path.Value, "")); err != nil {
					return err.Error()
				}
			}
		}
	}
	return ""
}

// table makes the table of what is in effect.
func (c *Controller) table(all []*served) table {
	made := table{}
	for _, s := range all {
		var rules []rule
		for _, route := range s.routes {
			rules = append(rules, c.rules(route)...)
		}
		// The more specific match first; what is equal keeps its order.
		sort.SliceStable(rules, func(i, j int) bool { return moreSpecific(rules[i], rules[j]) })
		for _, listener := range s.gateway.Spec.Listeners {
			made[netip.AddrPortFrom(s.address, uint16(listener.Port))] = rules
		}
	}
	return made
}

func (c *Controller) rules(route *gatewayv1.HTTPRoute) []rule {
	var hosts []string
	for _, host := range route.Spec.Hostnames {
		hosts = append(hosts, string(host))
	}
	var made []rule
	for _, spec := range route.Spec.Rules {
		r := rule{hosts: hosts, filters: spec.Filters}
		for _, ref := range spec.BackendRefs {
			r.backends = append(r.backends, c.backend(route.Namespace, ref))
		}
		matches := spec.Matches
		if len(matches) == 0 {
			matches = []gatewayv1.HTTPRouteMatch{{}}
		}
		for _, match := range matches {
			r.match = match
			if match.Path != nil && ptr.Deref(match.Path.Type, "") == gatewayv1.PathMatchRegularExpression {
				r.pattern = regexp.MustCompile("^(?:" + ptr.Deref(match.Path.Value, "") + ")$")
			}
			made = append(made, r)
		}
	}
	return made
}

// backend finds the ready pods behind a reference.
func (c *Controller) backend(namespace string, ref gatewayv1.HTTPBackendRef) backend {
	b := backend{weight: ptr.Deref(ref.Weight, 1)}
	service, err := c.services.Services(namespace).Get(string(ref.Name))
	if err != nil || ref.Port == nil {
		b.missing = true
		return b
	}
	at := slices.IndexFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == int32(*ref.Port) })
	if at < 0 {
		b.missing = true
		return b
	}
	mine := labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: service.Name})
	slices, err := c.slices.EndpointSlices(namespace).List(mine)
	if err != nil {
		return b
	}
	for _, slice := range slices {
		b.endpoints = append(b.endpoints, ready(slice, service.Spec.Ports[at].Name)...)
	}
	return b
}

func ready(slice *discoveryv1.EndpointSlice, port string) []netip.AddrPort {
	var found []netip.AddrPort
	for _, p := range slice.Ports {
		if ptr.Deref(p.Name, "") != port || p.Port == nil {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if !ptr.Deref(endpoint.Conditions.Ready, true) {
				continue
			}
			for _, text := range endpoint.Addresses {
				if address, err := netip.ParseAddr(text); err == nil {
					found = append(found, netip.AddrPortFrom(address, uint16(*p.Port)))
				}
			}
		}
	}
	return found
}

// find gives the rule for a request, nil when there is none.
func (t table) find(at netip.AddrPort, r *http.Request) *rule {
	for i := range t[at] {
		if t[at][i].matches(r) {
			return &t[at][i]
		}
	}
	return nil
}

func (r *rule) matches(request *http.Request) bool {
	host, _, _ := strings.Cut(request.Host, ":")
	if len(r.hosts) > 0 && !slices.ContainsFunc(r.hosts, func(name string) bool { return matchesHost(name, host) }) {
		return false
	}
	if r.match.Method != nil && string(*r.match.Method) != request.Method {
		return false
	}
	for _, header := range r.match.Headers {
		if !matchesValue(string(ptr.Deref(header.Type, gatewayv1.HeaderMatchExact)), header.Value, request.Header.Get(string(header.Name))) {
			return false
		}
	}
	query := request.URL.Query()
	for _, param := range r.match.QueryParams {
		if !matchesValue(string(ptr.Deref(param.Type, gatewayv1.QueryParamMatchExact)), param.Value, query.Get(string(param.Name))) {
			return false
		}
	}
	return r.matchesPath(request.URL.Path)
}

func matchesHost(name, host string) bool {
	if suffix, wild := strings.CutPrefix(name, "*"); wild {
		return strings.HasSuffix(host, suffix) && len(host) > len(suffix)
	}
	return strings.EqualFold(name, host)
}

func matchesValue(kind, want, got string) bool {
	if kind == string(gatewayv1.HeaderMatchRegularExpression) {
		pattern, err := regexp.Compile("^(?:" + want + ")$")
		return err == nil && pattern.MatchString(got)
	}
	return want == got
}

func (r *rule) matchesPath(path string) bool {
	kind, value := r.path()
	switch kind {
	case gatewayv1.PathMatchExact:
		return path == value
	case gatewayv1.PathMatchRegularExpression:
		return r.pattern.MatchString(path)
	}
	value = strings.TrimSuffix(value, "/")
	return path == value || strings.HasPrefix(path, value+"/")
}

func (r *rule) path() (gatewayv1.PathMatchType, string) {
	if r.match.Path == nil {
		return gatewayv1.PathMatchPathPrefix, "/"
	}
	return ptr.Deref(r.match.Path.Type, gatewayv1.PathMatchPathPrefix), ptr.Deref(r.match.Path.Value, "/")
}

// moreSpecific orders matches as the Gateway API asks for: by exact path, the
// longer prefix, the method, the number of headers, then of parameters.
func moreSpecific(a, b rule) bool {
	rank := func(r rule) []int {
		kind, value := r.path()
		exact, method := 0, 0
		if kind == gatewayv1.PathMatchExact {
			exact = 1
		}
		if r.match.Method != nil {
			method = 1
		}
		return []int{exact, len(value), method, len(r.match.Headers), len(r.match.QueryParams)}
	}
	return slices.Compare(rank(a), rank(b)) > 0
}

// pick chooses a backend at random by weight, and one of its pods. No backend
// is picked when all weights are 0.
func (r *rule) pick() (*backend, netip.AddrPort) {
	var total int32
	for _, b := range r.backends {
		total += b.weight
	}
	if total == 0 {
		return nil, netip.AddrPort{}
	}
	//nolint:gosec // a split of traffic is no secret
	at := rand.Int32N(total)
	for i := range r.backends {
		b := &r.backends[i]
		if at -= b.weight; at >= 0 {
			continue
		}
		if len(b.endpoints) == 0 {
			return b, netip.AddrPort{}
		}
		//nolint:gosec // as above
		return b, b.endpoints[rand.IntN(len(b.endpoints))]
	}
	return nil, netip.AddrPort{}
}
