package iac

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Bounds of a plan.
const (
	maxModules   = 64      // modules in modules
	maxResources = 100_000 // in one plan
)

// plan is the part of Terraform's JSON plan that is read:
// https://developer.hashicorp.com/terraform/internals/json-format.
type plan struct {
	FormatVersion string `json:"format_version"`
	PlannedValues struct {
		Root planModule `json:"root_module"`
	} `json:"planned_values"`
	Changes []struct {
		Address string `json:"address"`
		Change  struct {
			AfterUnknown any `json:"after_unknown"`
		} `json:"change"`
	} `json:"resource_changes"`
	Configuration struct {
		Root planConfig `json:"root_module"`
	} `json:"configuration"`
}

type planModule struct {
	Resources []planResource `json:"resources"`
	Children  []planModule   `json:"child_modules"`
}

type planResource struct {
	Address string         `json:"address"`
	Mode    string         `json:"mode"`
	Type    string         `json:"type"`
	Name    string         `json:"name"`
	Values  map[string]any `json:"values"`
}

// planConfig says which resource refers to which.
type planConfig struct {
	Resources []struct {
		Address     string                     `json:"address"`
		Expressions map[string]json.RawMessage `json:"expressions"`
	} `json:"resources"`
	Calls map[string]struct {
		Module planConfig `json:"module"`
	} `json:"module_calls"`
}

// parsePlan reads a plan. Its resources have no lines: their address names them.
func parsePlan(f File) (unit, error) {
	if !utf8.Valid(f.Content) {
		return unit{}, errors.New("it is not UTF-8")
	}
	var p plan
	d := json.NewDecoder(bytes.NewReader(f.Content))
	if err := d.Decode(&p); err != nil {
		return unit{}, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return unit{}, errors.New("something follows the plan")
	}
	if !strings.HasPrefix(p.FormatVersion, "0.") && !strings.HasPrefix(p.FormatVersion, "1.") {
		return unit{}, fmt.Errorf("its format_version is %q, want 0 or 1", p.FormatVersion)
	}
	r := planReader{unknown: map[string]any{}, references: map[string]map[string]string{}}
	for _, c := range p.Changes {
		r.unknown[c.Address] = c.Change.AfterUnknown
	}
	if err := r.config(p.Configuration.Root, "", 0); err != nil {
		return unit{}, err
	}
	if err := r.module(p.PlannedValues.Root, 0); err != nil {
		return unit{}, err
	}
	return unit{Terraform, map[string]any{"path": f.Path, "resources": list(r.resources), "blocks": []any{}}, at(f.Path, 0, 0)}, nil
}

type planReader struct {
	unknown    map[string]any
	references map[string]map[string]string // by address without index, then attribute
	resources  []any
}

func (r *planReader) config(c planConfig, prefix string, depth int) error {
	if depth > maxModules {
		return fmt.Errorf("its modules are nested more than %d deep", maxModules)
	}
	for _, res := range c.Resources {
		refs := map[string]string{}
		for attr, raw := range res.Expressions {
			var e struct {
				References []string `json:"references"`
			}
			if json.Unmarshal(raw, &e) == nil && len(e.References) > 0 {
				refs[attr] = e.References[0]
			}
		}
		r.references[prefix+res.Address] = refs
	}
	for name, call := range c.Calls {
		if err := r.config(call.Module, prefix+"module."+name+".", depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (r *planReader) module(m planModule, depth int) error {
	if depth > maxModules {
		return fmt.Errorf("its modules are nested more than %d deep", maxModules)
	}
	for _, res := range m.Resources {
		if len(r.resources) >= maxResources {
			return fmt.Errorf("it has more than %d resources", maxResources)
		}
		values := res.Values
		if values == nil {
			values = map[string]any{}
		}
		fillUnknown(values, r.unknown[res.Address], r.references[withoutIndex(res.Address)])
		r.resources = append(r.resources, map[string]any{
			"mode": res.Mode, "type": res.Type, "name": res.Name, "address": res.Address, "values": values,
		})
	}
	for _, child := range m.Children {
		if err := r.module(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// fillUnknown marks what is known only after the plan was applied, by what it
// refers to where the plan says so.
func fillUnknown(values map[string]any, unknown any, references map[string]string) {
	fields, _ := unknown.(map[string]any)
	for key, u := range fields {
		if yes, ok := u.(bool); ok && yes {
			values[key] = "${" + references[key] + "}"
			continue
		}
		if inner, ok := values[key].(map[string]any); ok {
			fillUnknown(inner, u, nil)
		}
		list, _ := values[key].([]any)
		unknowns, _ := u.([]any)
		for i := range min(len(list), len(unknowns)) {
			if inner, ok := list[i].(map[string]any); ok {
				fillUnknown(inner, unknowns[i], nil)
			} else if yes, ok := unknowns[i].(bool); ok && yes {
				list[i] = "${}"
			}
		}
	}
}

// withoutIndex gives the address that the configuration has: without the
// instances of count and for_each.
func withoutIndex(address string) string {
	var b strings.Builder
	depth := 0
	for _, c := range address {
		switch c {
		case '[':
			depth++
		case ']':
			depth--
		default:
			if depth == 0 {
				b.WriteRune(c)
			}
		}
	}
	return b.String()
}
