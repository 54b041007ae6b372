package pipeline

import (
	"strings"

	"fairlead.dev"
)

// GatesOver gives the gates of a plan that was made before as this
// configuration would have them: those of the matrix stay as they were, since
// other work was not done; the configured ones are this file's.
func (c *Config) GatesOver(plan fairlead.Plan) ([]fairlead.Gate, error) {
	var gates []fairlead.Gate
	for _, g := range plan.Gates {
		if g.Source == "always" || strings.HasPrefix(g.Source, "matrix: ") {
			gates = append(gates, g)
		}
	}
	p := &planner{cfg: c, ev: plan.Event, environment: plan.Environment, strategy: plan.Strategy}
	configured, err := p.configuredGates()
	return append(gates, configured...), err
}
