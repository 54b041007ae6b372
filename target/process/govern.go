package process

import (
	"encoding/json"

	"fairlead.dev"
	"fairlead.dev/target"
)

// serviceConfig gives the config whose listen, sticky and drain hold for the
// whole service: that of the release with most of the traffic. Of equals the
// one already in force stays, and it stays too while no release has weight.
// The caller holds the lock.
func (p *place) serviceConfig(d target.Desired) json.RawMessage {
	var heaviest json.RawMessage
	weight := 0
	for _, w := range d.Releases {
		if w.Weight == 0 || w.Weight < weight {
			continue
		}
		c := p.ownConfig(w.Release, d.Config)
		if w.Weight > weight || meaning(c) == meaning(p.memory.InForce) {
			heaviest, weight = c, w.Weight
		}
	}
	switch {
	case heaviest != nil:
		return heaviest
	case p.memory.InForce != nil && (p.front != nil || p.frontProblem != nil):
		return p.memory.InForce
	}
	return d.Config
}

// ownConfig gives the config that was signed with a release, or, for one
// that was signed without, other.
func (p *place) ownConfig(release fairlead.Digest, other json.RawMessage) json.RawMessage {
	if a := p.arm(release); a != nil && a.recipe != nil {
		return ownConfig(a.recipe.bundle, other)
	}
	b, err := readBundle(p.bundlePath(release))
	if err != nil {
		return other
	}
	return ownConfig(b, other)
}

func ownConfig(b target.Bundle, other json.RawMessage) json.RawMessage {
	if len(b.Release.Config) > 0 {
		return b.Release.Config
	}
	return other
}

// meaning is equal for configs that say the same in another form.
func meaning(c json.RawMessage) fairlead.Digest {
	var v any
	_ = json.Unmarshal(c, &v) // they were decoded before
	return fairlead.DigestJSON(v)
}
