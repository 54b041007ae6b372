package osv

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Is tells whether JSON means to be a record: it has an id, and the schema's
// version, a time or what is affected. Records may lie beside indexes and other
// documents. What is no JSON, or cut, is an ErrRecord.
func Is(b []byte) (bool, error) {
	if !utf8.Valid(b) {
		return false, fmt.Errorf("%w: it is not UTF-8", ErrRecord)
	}
	if !json.Valid(b) {
		err := json.Unmarshal(b, new(any))
		if err == nil {
			err = errors.New("it is not JSON")
		}
		return false, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	var d struct {
		ID       json.RawMessage `json:"id"`
		Version  json.RawMessage `json:"schema_version"`
		Modified json.RawMessage `json:"modified"`
		Affected json.RawMessage `json:"affected"`
	}
	if json.Unmarshal(b, &d) != nil { // a list, such as an index is
		return false, nil
	}
	return d.ID != nil && (d.Version != nil || d.Modified != nil || d.Affected != nil), nil
}

// maxDepth is how deep YAML may go.
const maxDepth = 64

// FromYAML gives as JSON what is written in YAML, as some databases keep their
// records; none or several documents become a list. Every scalar but null and the
// truth values becomes a string, as the schema has them: a version 1.10 is not
// the number 1.1. What is no YAML, or refers to another part of itself, is an
// ErrRecord.
func FromYAML(b []byte) ([]byte, error) {
	if !utf8.Valid(b) {
		return nil, fmt.Errorf("%w: it is not UTF-8", ErrRecord)
	}
	all, err := documents(yaml.NewDecoder(bytes.NewReader(b)))
	var out []byte
	switch {
	case err != nil:
	case len(all) == 1:
		out, err = json.Marshal(all[0])
	default:
		out, err = json.Marshal(all)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return out, nil
}

func documents(d *yaml.Decoder) ([]any, error) {
	all := []any{}
	for {
		var doc yaml.Node
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		var v any
		if err == nil {
			v, err = plain(&doc, 0)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
}

func plain(n *yaml.Node, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it goes deeper than %d", maxDepth)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 0 {
			return nil, nil
		}
		return plain(n.Content[0], depth+1)
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!null":
			return nil, nil
		case "!!bool":
			return n.Value == "true", nil
		}
		return n.Value, nil
	case yaml.SequenceNode:
		out := make([]any, 0, len(n.Content))
		for _, c := range n.Content {
			v, err := plain(c, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			v, err := plain(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			out[n.Content[i].Value] = v
		}
		return out, nil
	}
	return nil, errors.New("it refers to another part of itself")
}
