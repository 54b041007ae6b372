package iac

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// errNone is a file that turns out to be of no kind.
var errNone = errors.New("not of this kind")

// maxNodes bounds a document with its aliases expanded: a few lines of aliases
// of aliases stand for billions.
const maxNodes = 500_000

// maxMarks bounds what may begin a node, which the parser makes all of before
// they can be counted.
const maxMarks = 1_000_000

// marks counts what may begin a node in YAML, and more.
func marks(b []byte) int {
	n := 0
	for i, c := range b {
		switch c {
		case '\n', ',', '[', '{', ':':
			n++
		case '-', '?':
			if i+1 < len(b) && (b[i+1] == ' ' || b[i+1] == '\t') {
				n++
			}
		}
	}
	return n
}

// parseYAML reads manifests, Compose files and workflows. JSON is YAML.
func parseYAML(kind Kind, f File) (unit, error) {
	docs, places, err := readYAML(f)
	if err != nil {
		return unit{}, err
	}
	root := at(f.Path, 0, 0)
	switch kind {
	case Kubernetes:
		list := &place{}
		var manifests []any
		for i, doc := range docs {
			manifests, list.items = appendManifests(manifests, list.items, doc, places[i])
		}
		if len(manifests) == 0 {
			return unit{}, errNone
		}
		return unit{kind, map[string]any{"path": f.Path, "docs": manifests}, root.set("docs", list)}, nil
	default:
		if len(docs) != 1 {
			return unit{}, fmt.Errorf("it has %d documents", len(docs))
		}
		if _, ok := docs[0].(map[string]any); !ok {
			return unit{}, errors.New("it is no mapping")
		}
		return unit{kind, map[string]any{"path": f.Path, "doc": docs[0]}, root.set("doc", places[0])}, nil
	}
}

// appendManifests takes a document that is a manifest, and what is in a List.
func appendManifests(manifests []any, places []*place, doc any, at *place) ([]any, []*place) {
	m, ok := doc.(map[string]any)
	if !ok {
		return manifests, places
	}
	kind, _ := m["kind"].(string)
	if _, ok := m["apiVersion"].(string); !ok || kind == "" {
		return manifests, places
	}
	items, ok := m["items"].([]any)
	if !ok || at.fields["items"] == nil {
		return append(manifests, m), append(places, at)
	}
	for i, item := range items {
		manifests, places = appendManifests(manifests, places, item, at.fields["items"].items[i])
	}
	return manifests, places
}

// readYAML reads all documents of a file.
func readYAML(f File) ([]any, []*place, error) {
	if !utf8.Valid(f.Content) {
		return nil, nil, errors.New("it is not UTF-8")
	}
	if marks(f.Content) > maxMarks {
		return nil, nil, fmt.Errorf("it may have more than %d nodes", maxMarks)
	}
	var docs []any
	var places []*place
	left := maxNodes
	for d := yaml.NewDecoder(bytes.NewReader(f.Content)); ; {
		var n yaml.Node
		err := d.Decode(&n)
		if errors.Is(err, io.EOF) {
			return docs, places, nil
		}
		if err != nil {
			return nil, nil, err
		}
		c := converter{path: f.Path, left: &left, open: map[*yaml.Node]bool{}}
		doc, p, err := c.value(&n)
		if err != nil {
			return nil, nil, err
		}
		if doc != nil {
			docs, places = append(docs, doc), append(places, p)
		}
	}
}

// converter turns nodes into values and their places.
type converter struct {
	path string
	left *int                // nodes that may still come
	open map[*yaml.Node]bool // anchors being expanded
}

func (c converter) value(n *yaml.Node) (any, *place, error) {
	if *c.left--; *c.left < 0 {
		return nil, nil, fmt.Errorf("it has more than %d nodes, with its aliases expanded", maxNodes)
	}
	p := at(c.path, n.Line, n.Column)
	switch n.Kind {
	case yaml.DocumentNode:
		return c.value(n.Content[0])
	case yaml.AliasNode:
		if c.open[n.Alias] {
			return nil, nil, fmt.Errorf("line %d: an alias contains itself", n.Line)
		}
		c.open[n.Alias] = true
		defer delete(c.open, n.Alias)
		return c.value(n.Alias)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			v, at, err := c.value(item)
			if err != nil {
				return nil, nil, err
			}
			list, p.items = append(list, v), append(p.items, at)
		}
		return list, p, nil
	case yaml.MappingNode:
		m := map[string]any{}
		return m, p, c.mapping(n, m, p)
	}
	return scalar(n), p, nil
}

// mapping fills m. Keys of the mapping itself win over merged ones, and the
// first merged one over later ones.
func (c converter) mapping(n *yaml.Node, m map[string]any, p *place) error {
	var merges []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.ShortTag() == "!!merge" {
			merges = append(merges, value)
			continue
		}
		v, at, err := c.value(value)
		if err != nil {
			return err
		}
		at.loc.Line, at.loc.Column = key.Line, key.Column // the line that names it
		m[key.Value] = v
		p.set(key.Value, at)
	}
	for _, merge := range merges {
		v, at, err := c.value(merge)
		if err != nil {
			return err
		}
		for i, source := range sources(v) {
			from := at
			if at.items != nil {
				from = at.items[i]
			}
			for key, value := range source {
				if _, ok := m[key]; !ok {
					m[key] = value
					p.set(key, from.fields[key])
				}
			}
		}
	}
	return nil
}

// sources gives the mappings that a merge key takes from.
func sources(v any) []map[string]any {
	switch v := v.(type) {
	case map[string]any:
		return []map[string]any{v}
	case []any:
		out := make([]map[string]any, len(v))
		for i, item := range v {
			out[i], _ = item.(map[string]any)
		}
		return out
	}
	return nil
}

// scalar gives what YAML 1.2 takes a plain word for. A number too large for
// JSON stays the text it is.
func scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case "!!int":
		var i int64
		if n.Decode(&i) == nil {
			return i
		}
	case "!!float":
		var f float64
		if n.Decode(&f) == nil && f-f == 0 { // neither infinite nor not a number
			return f
		}
	}
	return n.Value
}
