package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Source is a configuration file: its name, for messages, and its bytes. Nil
// Data means that there is no file; empty Data means that the file is empty.
type Source struct {
	Name string
	Data []byte
}

// maxSource bounds a configuration file, in bytes.
const maxSource = 1 << 20

var byteOrderMark = []byte("\xef\xbb\xbf")

// root parses the file into its single mapping. What cannot be parsed is
// exactly one problem.
func (s Source) root() (*yaml.Node, *ConfigProblem) {
	data := bytes.TrimPrefix(s.Data, byteOrderMark)
	if p := s.unreadable(data); p != nil {
		return nil, p
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := decodeNode(dec, &doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, s.problem(1, 1, "must not be empty", "start with `version: 1`")
		}
		return nil, s.syntax(err, data)
	}
	if len(doc.Content) != 1 || doc.Content[0].Tag == "!!null" {
		return nil, s.problem(1, 1, "must not be empty", "start with `version: 1`")
	}
	var second yaml.Node
	if err := decodeNode(dec, &second); err == nil {
		return nil, s.problem(second.Line, 1, "must be a single YAML document", "remove everything after the `---`")
	} else if !errors.Is(err, io.EOF) {
		return nil, s.syntax(err, data)
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		p := s.problem(top.Line, top.Column, "must be a mapping of keys to values", "start with `version: 1`")
		p.Got = describe(top)
		return nil, p
	}
	return top, nil
}

// unreadable finds what makes a file impossible to parse or not worth it.
func (s Source) unreadable(data []byte) *ConfigProblem {
	if len(data) > maxSource {
		p := s.problem(0, 0, fmt.Sprintf("must be at most %d bytes", maxSource),
			"keep generated data in files of its own")
		p.Got = strconv.Itoa(len(data)) + " bytes"
		return p
	}
	line, start := 1, 0
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			p := s.problem(line, 1+utf8.RuneCount(data[start:i]), "must be UTF-8 text", "save the file as UTF-8")
			p.Got = fmt.Sprintf("byte 0x%02x", data[i])
			return p
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			p := s.problem(line, 1+utf8.RuneCount(data[start:i]), "must not hold control characters", "")
			p.Got = fmt.Sprintf("%U", r)
			return p
		case r == '\n':
			line, start = line+1, i+1
		}
		i += size
	}
	return nil
}

// decodeNode reads the next document. The YAML library reports some malformed
// input by panicking; that is an error like any other here.
func decodeNode(dec *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return dec.Decode(n)
}

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// structural are the errors of the library's parser, as opposed to those of its
// scanner.
var structural = []string{
	"did not find expected ',' or", "did not find expected key", "did not find expected '-' indicator",
	"did not find expected node content", "did not find expected <document start>",
}

// syntax turns the YAML library's error into a problem at its line.
func (s Source) syntax(err error, data []byte) *ConfigProblem {
	line, text := 0, err.Error()
	if m := yamlError.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1]) // an absent line stays 0
		text = m[2]
	}
	if slices.ContainsFunc(structural, func(s string) bool { return strings.Contains(text, s) }) {
		line++ // the library counts the lines of these from 0
	}
	if n := tabbed(data, line); n > 0 {
		return s.problem(n, 1, "must not be indented with tabs", "use spaces")
	}
	return s.problem(line, 0, "must be valid YAML: "+text, "")
}

// tabbed gives the line, at or just before the reported one, that is indented
// with a tab; 0 when none is.
func tabbed(data []byte, near int) int {
	lines := strings.Split(string(data), "\n")
	for n := max(1, near-1); n <= min(near+1, len(lines)); n++ {
		text := lines[n-1]
		indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
		if strings.Contains(indent, "\t") && strings.TrimSpace(text) != "" {
			return n
		}
	}
	return 0
}

func (s Source) problem(line, col int, rule, suggestion string) *ConfigProblem {
	return &ConfigProblem{File: s.Name, Line: line, Col: col, Rule: rule, Suggestion: suggestion}
}
