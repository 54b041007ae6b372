package onkubernetes

import (
	"encoding/json"
	"testing"
	"testing/fstest"

	"fairlead.dev/target/kubernetes"
)

// Behind a gateway, too, the Role that is printed is enough for everything.
func TestSmallestRoleByRoute(t *testing.T) {
	s := newStand(t, map[string]any{"gateway-api": "shop", "accept": "60s"})
	extra := "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n"
	tree := fstest.MapFS{"deploy/shop.yaml": {Data: []byte(manifests() + extra + route)}}
	raw, err := json.Marshal(s.config)
	if err != nil {
		t.Fatal(err)
	}
	access, err := kubernetes.AccessFor(t.Context(), s.at, raw, tree)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := s.everything(access.Rules); len(wrong) > 0 {
		t.Errorf("with the whole Role: %v", wrong)
	}
}
