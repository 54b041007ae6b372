package pipeline

import (
	"strings"
	"testing"

	"fairlead.dev"
)

func TestLocks(t *testing.T) {
	for _, c := range []struct {
		name, branch string
		add          string // to staging and production
		want         fairlead.Lock
		source       string
	}{
		{"production in order", "main", "", fairlead.Lock{Mode: fairlead.LockSerialize}, "default"},
		{"others by the newest", "develop", "", fairlead.Lock{Mode: fairlead.LockSupersede}, "default"},
		{"as configured", "main", "lock: parallel, ", fairlead.Lock{Mode: fairlead.LockParallel}, "config"},
		{"cancels", "develop", "cancel-running: true, ", fairlead.Lock{Mode: fairlead.LockSupersede, CancelRunning: true}, "default"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := shop
			for _, env := range []string{"production", "staging"} {
				if (env == "production") == (c.branch == "main") {
					config = strings.Replace(config, env+": {", env+": {"+c.add, 1)
				}
			}
			p := mustPlan(t, config, push(c.branch))
			if p.Lock != c.want {
				t.Errorf("lock %+v, want %+v", p.Lock, c.want)
			}
			if r := reason(p, "lock"); r.Source != c.source || r.Choice != string(c.want.Mode) {
				t.Errorf("reason %+v", r)
			}
		})
	}
	if p := mustPlan(t, shop, event(fairlead.EventSchedule, nil)); p.Lock != (fairlead.Lock{}) {
		t.Errorf("a plan that releases nothing has the lock %+v", p.Lock)
	}
}

func TestCancelRunningNeedsSupersede(t *testing.T) {
	for env, wrong := range map[string]bool{"production": true, "staging": false} {
		_, err := Read(Source{Name: "fairlead.yaml", Data: []byte(strings.Replace(shop, env+": {", env+": {cancel-running: true, ", 1))}, testCatalog())
		if got := err != nil && strings.Contains(err.Error(), "needs lock: supersede; the lock of production is serialize"); got != wrong {
			t.Errorf("%s: %v", env, err)
		}
	}
}
