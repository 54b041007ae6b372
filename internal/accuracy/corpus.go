package main

import (
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// templates are the corpus of secrets without its values: files of one kind in
// each, as "=== path", content, "--- safe [path]" and the content of its twin. A
// value is written {{name}}, see [valuer]; {{id name}} has the form of one and
// is none.
//
//go:embed corpus/*.txt
var templates embed.FS

// sample is a file of the corpus, with its twin.
type sample struct {
	kind string
	file labelled
	twin labelled
}

// labelled is a file and where its secrets are.
type labelled struct {
	path    string
	content []byte
	secrets []label
}

// label is a secret: the bytes from one offset to another, or the whole file.
type label struct {
	name     string // of what kind the value is: "password"
	from, to int
	file     bool
}

// corpus gives all samples with the values that a seed makes, in order.
func corpus(seed uint64) ([]sample, error) {
	names, err := fs.Glob(templates, "corpus/*.txt")
	if err != nil {
		return nil, err
	}
	var all []sample
	for _, name := range names {
		b, err := templates.ReadFile(name)
		if err != nil {
			return nil, err
		}
		kind := strings.TrimSuffix(path.Base(name), ".txt")
		for part := range strings.SplitSeq(strings.TrimPrefix(string(b), "=== "), "\n=== ") {
			s, err := read(kind, part, seed)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// read makes one sample of its template.
func read(kind, part string, seed uint64) (sample, error) {
	head, rest, _ := strings.Cut(part, "\n")
	risky, safe, ok := strings.Cut("\n"+rest, "\n--- safe")
	if !ok {
		return sample{}, fmt.Errorf("%s has no safe twin", head)
	}
	other, safe, _ := strings.Cut(safe, "\n")
	other = strings.TrimSpace(other)
	if other == "" {
		other = head
	}
	sum := fnv.New64a()
	fmt.Fprint(sum, kind, head)
	v := valuer{rand.New(rand.NewPCG(seed, sum.Sum64()))}
	file, err := fill(v, head, strings.TrimPrefix(risky, "\n")+"\n", true)
	if err != nil {
		return sample{}, err
	}
	if len(file.secrets) == 0 {
		return sample{}, fmt.Errorf("%s has no secret", head)
	}
	twin, err := fill(v, other, safe, false)
	return sample{kind: kind, file: file, twin: twin}, err
}

// fill puts values where a template names them. In a twin braces that name
// nothing stay: they are what a template language writes.
func fill(v valuer, name, text string, risky bool) (labelled, error) {
	f := labelled{path: name}
	for {
		before, rest, found := strings.Cut(text, "{{")
		f.content = append(f.content, before...)
		if !found {
			return f, nil
		}
		spec, after, _ := strings.Cut(rest, "}}")
		value, err := v.value(strings.Fields(spec))
		_, id := strings.CutPrefix(spec, "id ")
		switch {
		case err != nil && risky:
			return f, fmt.Errorf("%s: {{%s}}: %w", name, spec, err)
		case err != nil:
			f.content = append(f.content, "{{"...)
			text = rest
			continue
		case strings.HasPrefix(spec, "file "):
			f.content = []byte(value)
			if risky {
				f.secrets = []label{{name: spec, file: true}}
			}
			return f, nil
		case risky && !id:
			f.secrets = append(f.secrets, label{name: spec, from: len(f.content), to: len(f.content) + len(value)})
		case !id:
			return f, fmt.Errorf("%s: {{%s}} is in a safe twin", name, spec)
		}
		f.content = append(f.content, value...)
		text = after
	}
}

// kindsOf lists the kinds of a corpus, in order.
func kindsOf(all []sample) []string {
	var kinds []string
	for _, s := range all {
		if !slices.Contains(kinds, s.kind) {
			kinds = append(kinds, s.kind)
		}
	}
	return kinds
}
