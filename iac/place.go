package iac

import (
	"encoding/json"
	"strconv"

	"fairlead.dev"
)

// place is where a part of a document is, with the places of its parts. A
// check names a part by its path; how the source was written is known here.
type place struct {
	loc    fairlead.Location
	fields map[string]*place
	items  []*place
}

func at(path string, line, column int) *place {
	return &place{loc: fairlead.Location{Path: path, Line: line, Column: column}}
}

func (p *place) set(key string, child *place) *place {
	if p.fields == nil {
		p.fields = map[string]*place{}
	}
	p.fields[key] = child
	return p
}

// find gives the place of the part at path, or of the nearest part around it:
// what a check misses has no place of its own.
func (p *place) find(path []any) fairlead.Location {
	loc := p.loc
	for _, step := range path {
		var next *place
		switch step := step.(type) {
		case string:
			next = p.fields[step]
		case json.Number:
			if i, err := strconv.Atoi(step.String()); err == nil && i >= 0 && i < len(p.items) {
				next = p.items[i]
			}
		}
		if next == nil {
			break
		}
		p = next
		if p.loc.Line > 0 || p.loc.Path != "" {
			loc = p.loc
		}
	}
	return loc
}
