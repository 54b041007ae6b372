package process

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// scrape is a group of Prometheus' file discovery.
type scrape struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// discover writes where this place's replicas can be scraped, for Prometheus'
// file discovery: <agent directory>/discovery/ENVIRONMENT.SERVICE.json, one
// group for each release. Nothing depends on it but what others read, so a
// file that cannot be written is only warned of. The caller holds the lock.
func (p *place) discover() {
	groups := []scrape{}
	for _, a := range p.arms {
		g := scrape{Labels: map[string]string{
			"fairlead_environment": p.at.Environment, "fairlead_service": p.at.Service, "fairlead_release": a.release.Hex(),
		}}
		for _, r := range a.replicas {
			if s := r.now(); s.running {
				g.Targets = append(g.Targets, s.addr)
			}
		}
		slices.Sort(g.Targets)
		if len(g.Targets) > 0 {
			groups = append(groups, g)
		}
	}
	text, err := json.Marshal(groups)
	if err == nil && string(text) != p.discovered {
		err = p.host.putDiscovery(p.at.Environment+"."+p.at.Service, text)
		if err == nil {
			p.discovered = string(text)
		}
	}
	if err != nil {
		p.host.log.Warn("replicas not listed for discovery", "service.name", p.at.Service, "error", err)
	}
}

// putDiscovery replaces a place's file in one step, as its readers expect.
func (h *host) putDiscovery(name string, text []byte) error {
	dir := filepath.Join(h.dir, "discovery")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, strings.ReplaceAll(name, string(filepath.Separator), "_"))
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path+".json")
}
