package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"fairlead.dev/credential"
)

// seeds are the values that the corpus is filled with, one after the other.
const seeds = 5

// tally counts what was there and what was found.
type tally struct {
	files, secrets int
	found          int // secrets
	right, wrong   int // hits, in files and in twins
	flagged        int // twins
	misses, falses []string
}

func (t *tally) add(o tally) {
	t.files, t.secrets, t.found = t.files+o.files, t.secrets+o.secrets, t.found+o.found
	t.right, t.wrong, t.flagged = t.right+o.right, t.wrong+o.wrong, t.flagged+o.flagged
	t.misses, t.falses = append(t.misses, o.misses...), append(t.falses, o.falses...)
}

func (t tally) recall() float64    { return ratio(t.found, t.secrets) }
func (t tally) precision() float64 { return ratio(t.right, t.right+t.wrong) }

func ratio(part, whole int) float64 {
	if whole == 0 {
		return 1
	}
	return float64(part) / float64(whole)
}

// secrets looks for the secrets of every seed's corpus, and gives a tally for
// each kind, in order.
func secrets(ctx context.Context) ([]string, map[string]*tally, error) {
	finder, err := credential.New(credential.Options{})
	if err != nil {
		return nil, nil, err
	}
	var kinds []string
	by := map[string]*tally{}
	for seed := range uint64(seeds) {
		all, err := corpus(seed)
		if err != nil {
			return nil, nil, err
		}
		kinds = kindsOf(all)
		for _, s := range all {
			if by[s.kind] == nil {
				by[s.kind] = &tally{}
			}
			by[s.kind].add(score(s, finder.Find(ctx, s.file.path, s.file.content), finder.Find(ctx, s.twin.path, s.twin.content)))
		}
	}
	return kinds, by, nil
}

// score holds hits in a file and in its twin against what is there. A hit is
// right when it overlaps a secret; one whose value is not in the file as such
// was decoded, and is right when it is on a secret's lines.
func score(s sample, hits, twins []credential.Hit) tally {
	t := tally{files: 1, secrets: len(s.file.secrets)}
	seen := make([]bool, len(s.file.secrets))
	for _, h := range hits {
		if i := which(s.file, h); i >= 0 {
			seen[i] = true
			t.right++
			continue
		}
		t.wrong++
		t.falses = append(t.falses, fmt.Sprintf("%s:%d %s", s.file.path, h.Line, h.Rule))
	}
	for i, ok := range seen {
		if ok {
			t.found++
		} else {
			t.misses = append(t.misses, s.file.path+" "+s.file.secrets[i].name)
		}
	}
	t.wrong += len(twins)
	t.flagged += min(1, len(twins))
	for _, h := range twins {
		t.falses = append(t.falses, fmt.Sprintf("twin %s:%d %s", s.twin.path, h.Line, h.Rule))
	}
	return t
}

// which gives the secret that a hit is about, -1 for none.
func which(f labelled, h credential.Hit) int {
	for i, l := range f.secrets {
		if l.file {
			return i
		}
		from, to := lineOf(f.content, l.from), lineOf(f.content, max(l.from, l.to-1))
		if h.Line < from || h.Line > to {
			continue
		}
		value := string(f.content[l.from:l.to])
		if strings.Contains(value, h.Value) || strings.Contains(h.Value, value) || !bytes.Contains(f.content, []byte(h.Value)) {
			return i
		}
	}
	return -1
}

func lineOf(content []byte, at int) int { return 1 + bytes.Count(content[:at], []byte("\n")) }

// secretsSection writes what was measured.
func secretsSection(ctx context.Context, w io.Writer) error {
	kinds, by, err := secrets(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(w, "| kind | files | secrets | found | recall | hits | false | precision | twins flagged |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|")
	var sum tally
	for _, kind := range kinds {
		row(w, kind, *by[kind])
		sum.add(*by[kind])
	}
	row(w, "**all**", sum)
	fmt.Fprintln(w)
	list(w, "Missed", sum.misses)
	list(w, "False", sum.falses)
	return nil
}

func row(w io.Writer, name string, t tally) {
	fmt.Fprintf(w, "| %s | %d | %d | %d | %.3f | %d | %d | %.3f | %d |\n", name, t.files, t.secrets, t.found, t.recall(), t.right+t.wrong, t.wrong, t.precision(), t.flagged)
}

// list writes what occurs, with how often.
func list(w io.Writer, title string, all []string) {
	if len(all) == 0 {
		fmt.Fprintf(w, "%s: none.\n\n", title)
		return
	}
	count := map[string]int{}
	for _, s := range all {
		count[s]++
	}
	fmt.Fprintf(w, "%s (times in %d corpora):\n\n", title, seeds)
	for _, s := range all {
		if n := count[s]; n > 0 {
			fmt.Fprintf(w, "- `%s` (%d)\n", s, n)
			count[s] = 0
		}
	}
	fmt.Fprintln(w)
}
