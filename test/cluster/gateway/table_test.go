package gateway

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sort"
	"testing"

	"k8s.io/utils/ptr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// TestFind holds which rule a request gets: the most specific that matches.
func TestFind(t *testing.T) {
	path := func(kind gatewayv1.PathMatchType, value string) *gatewayv1.HTTPPathMatch {
		return &gatewayv1.HTTPPathMatch{Type: &kind, Value: &value}
	}
	named := func(name string, hosts []string, match gatewayv1.HTTPRouteMatch) rule {
		return rule{hosts: hosts, match: match, filters: []gatewayv1.HTTPRouteFilter{{Type: gatewayv1.HTTPRouteFilterType(name)}}}
	}
	rules := []rule{
		named("all", nil, gatewayv1.HTTPRouteMatch{}),
		named("prefix", nil, gatewayv1.HTTPRouteMatch{Path: path(gatewayv1.PathMatchPathPrefix, "/shop")}),
		named("longer", nil, gatewayv1.HTTPRouteMatch{Path: path(gatewayv1.PathMatchPathPrefix, "/shop/cart")}),
		named("exact", nil, gatewayv1.HTTPRouteMatch{Path: path(gatewayv1.PathMatchExact, "/shop/cart")}),
		named("post", nil, gatewayv1.HTTPRouteMatch{
			Path: path(gatewayv1.PathMatchPathPrefix, "/shop"), Method: ptr.To(gatewayv1.HTTPMethodPost),
		}),
		named("header", nil, gatewayv1.HTTPRouteMatch{Headers: []gatewayv1.HTTPHeaderMatch{{Name: "x-release", Value: "canary"}}}),
		named("query", nil, gatewayv1.HTTPRouteMatch{QueryParams: []gatewayv1.HTTPQueryParamMatch{{Name: "q", Value: "1"}}}),
		named("host", []string{"*.example.com"}, gatewayv1.HTTPRouteMatch{Path: path(gatewayv1.PathMatchExact, "/")}),
	}
	sort.SliceStable(rules, func(i, j int) bool { return moreSpecific(rules[i], rules[j]) })
	at := netip.MustParseAddrPort("10.244.0.1:80")
	for _, c := range []struct{ method, url, header, want string }{
		{"GET", "http://any/", "", "all"},
		{"GET", "http://any/shopping", "", "all"},
		{"GET", "http://any/shop", "", "prefix"},
		{"GET", "http://any/shop/", "", "prefix"},
		{"GET", "http://any/shop/cart/1", "", "longer"},
		{"GET", "http://any/shop/cart", "", "exact"},
		{"POST", "http://any/shop/x", "", "post"},
		{"GET", "http://any/", "canary", "header"},
		{"GET", "http://any/?q=1", "", "query"},
		{"GET", "http://a.example.com:80/", "", "host"},
		{"GET", "http://example.com/", "", "all"},
	} {
		request := httptest.NewRequest(c.method, c.url, http.NoBody)
		request.Header.Set("X-Release", c.header)
		found := (table{at: rules}).find(at, request)
		if found == nil || string(found.filters[0].Type) != c.want {
			t.Errorf("%+v: got %+v", c, found)
		}
	}
}

// TestPick holds that backends are picked by their weights, and none when all
// are 0.
func TestPick(t *testing.T) {
	a, b := netip.MustParseAddrPort("10.244.1.1:80"), netip.MustParseAddrPort("10.244.1.2:80")
	r := rule{backends: []backend{{weight: 90, endpoints: []netip.AddrPort{a}}, {weight: 10, endpoints: []netip.AddrPort{b}}}}
	picked := map[netip.AddrPort]int{}
	for range 100_000 {
		_, at := r.pick()
		picked[at]++
	}
	// Ten standard deviations to both sides.
	if n := picked[b]; n < 9_050 || n > 10_950 || picked[a]+n != 100_000 {
		t.Errorf("weights 90 and 10 gave %v", picked)
	}
	r.backends[0].weight, r.backends[1].weight = 0, 0
	if found, _ := r.pick(); found != nil {
		t.Errorf("without weights: %+v", found)
	}
}
