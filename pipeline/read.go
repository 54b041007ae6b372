package pipeline

import (
	"encoding/json"
	"reflect"

	"go.yaml.in/yaml/v3"

	"fairlead.dev"
)

// Read checks a configuration file against the catalog. The error is a
// KindInvalid Problem around Problems, which lists everything that is wrong, up
// to 500 problems.
// A Source without Data gives the empty configuration: everything by matrix
// and detection.
func Read(src Source, cat Catalog) (*Config, error) {
	cfg := &Config{file: src.Name, digest: fairlead.DigestBytes(src.Data)}
	if src.Data == nil {
		cfg.Version = 1
		return cfg, nil
	}
	top, problem := src.root()
	if problem != nil {
		return nil, Problems{*problem}.err(src.Name)
	}
	d := newDecoder(src.Name, cat)
	d.structure(top, reflect.ValueOf(cfg).Elem(), "")
	cfg.places = d.places
	d.check(cfg)
	if err := d.problems.err(src.Name); err != nil {
		return nil, err
	}
	return cfg, nil
}

// decode keeps what is written until finish of the Step knows the step type.
func (w *With) decode(_ *decoder, n *yaml.Node, _ string) { w.node = n }

// finish decodes the step type's own keys, over that type's defaults.
func (s *Step) finish(d *decoder, n *yaml.Node, key string) {
	info, ok := d.cat.step(s.Use)
	if !ok {
		return // reported as a value that use does not accept
	}
	node := s.With.node
	if node == nil {
		node = &yaml.Node{Kind: yaml.MappingNode, Line: n.Line, Column: n.Column}
	}
	s.With = With{Config: d.overlay(node, info.Config, join(key, "with"))}
	if s.Phase == "" {
		s.Phase = "verify"
		if info.NeedsEndpoint {
			s.Phase = "preview"
		}
	}
	if s.Phase == "verify" && info.NeedsEndpoint {
		d.reportAt(join(key, "phase"), "must be preview: "+s.Use+" needs a running release", got(s.Phase), "")
	}
}

// decode reads a mapping with exactly one key, the target type.
func (t *TargetConfig) decode(d *decoder, n *yaml.Node, key string) {
	names := d.cat.allowed(field{enum: []string{"@targets"}})
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		d.report(n, key, "must have exactly one key, the target type", describe(n), "known types are "+listed(names))
		return
	}
	for k, v := range d.pairs(n, key) {
		info, ok := d.cat.target(k.Value)
		if !ok {
			suggestion := didYouMean(k.Value, names)
			if suggestion == "" {
				suggestion = "known types are " + listed(names)
			}
			d.report(k, join(key, k.Value), "is not a known target type", "", suggestion)
			continue
		}
		*t = TargetConfig{Type: info.Name, Config: d.overlay(v, info.Config, join(key, k.Value))}
	}
}

// overlay decodes n over a copy of the defaults and gives the whole as JSON.
func (d *decoder) overlay(n *yaml.Node, defaults any, key string) json.RawMessage {
	v := reflect.New(reflect.TypeOf(defaults)).Elem()
	v.Set(reflect.ValueOf(defaults))
	d.value(n, v, key, field{typ: v.Type()})
	whole, err := json.Marshal(v.Interface())
	if err != nil {
		d.report(n, key, "cannot be encoded: "+err.Error(), "", "")
	}
	return whole
}
