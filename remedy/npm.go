package remedy

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
)

// written is a version as people write it in package.json: an operator, and
// three numbers. What means a range of others, or no version at all, is not.
var written = regexp.MustCompile(`^(\^|~|>=|=|v)?\d+\.\d+\.\d+[0-9A-Za-z.+-]*$`)

// editPackageJSON changes the version of a dependency wherever one is named.
func editPackageJSON(content []byte, c Change) ([]byte, error) {
	places, err := dependencyVersions(content, c.Name)
	if err != nil {
		return nil, incomplete("it is malformed: %v", err)
	}
	if len(places) == 0 {
		return nil, incomplete("it is not named there")
	}
	for _, p := range slices.Backward(places) {
		m := written.FindStringSubmatch(p.text)
		if m == nil {
			return nil, incomplete("%q is not a version", p.text)
		}
		content = splice(content, p.from, p.to, `"`+m[1]+c.To+`"`)
	}
	return content, nil
}

// stringAt is a string of a document, and where it is with its quotes.
type stringAt struct {
	text     string
	from, to int
}

// dependencyVersions finds the values of a name in the lists of dependencies.
func dependencyVersions(content []byte, name string) ([]stringAt, error) {
	if !json.Valid(content) { // and not too deep
		return nil, errors.New("it is not JSON")
	}
	w := walker{d: json.NewDecoder(bytes.NewReader(content)), content: content, name: name}
	err := w.value(nil)
	return w.found, err
}

// walker goes through a document and keeps what is said about a name.
type walker struct {
	d       *json.Decoder
	content []byte
	name    string
	found   []stringAt
}

// value reads one value, which is at a path of names.
func (w *walker) value(path []string) error {
	before := int(w.d.InputOffset())
	token, err := w.d.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		for w.d.More() {
			name := ""
			if v == '{' {
				key, err := w.d.Token()
				if err != nil {
					return err
				}
				name, _ = key.(string)
			}
			if err := w.value(append(path, name)); err != nil {
				return err
			}
		}
		_, err = w.d.Token()
	case string:
		if len(path) == 2 && path[1] == w.name && slices.Contains([]string{"dependencies", "devDependencies", "optionalDependencies"}, path[0]) {
			to := int(w.d.InputOffset())
			w.found = append(w.found, stringAt{v, before + bytes.IndexByte(w.content[before:to], '"'), to})
		}
	}
	return err
}
