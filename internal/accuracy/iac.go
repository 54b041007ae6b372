package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"fairlead.dev/iac"
)

//go:embed iac.md
var aboutIaC string

// iacFixtures is where the fixtures are, from the top of the repository.
const iacFixtures = "iac/testdata"

// iacTally counts the checks of one kind of file.
type iacTally struct{ checks, lines, found, wrong, flagged int }

// iacSection holds what every check finds in its fixtures against their marks.
func iacSection(ctx context.Context, w io.Writer) error {
	c, err := iac.New(ctx, nil)
	if err != nil {
		return err
	}
	by, total := map[iac.Kind]*iacTally{}, &iacTally{}
	var kinds []iac.Kind
	for _, rule := range c.Rules() {
		t, err := iacRule(ctx, c, rule)
		if err != nil {
			return fmt.Errorf("%s: %w", rule.ID, err)
		}
		if by[rule.Kind] == nil {
			by[rule.Kind] = &iacTally{}
			kinds = append(kinds, rule.Kind)
		}
		by[rule.Kind].add(t)
		total.add(t)
	}
	fmt.Fprintf(w, "\n| files | checks | marked lines | found | recall | other lines | precision | files in order, flagged |\n|---|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, k := range kinds {
		by[k].write(w, string(k))
	}
	total.write(w, "**all**")
	return nil
}

func (t *iacTally) add(o iacTally) {
	t.checks, t.lines, t.found = t.checks+o.checks, t.lines+o.lines, t.found+o.found
	t.wrong, t.flagged = t.wrong+o.wrong, t.flagged+o.flagged
}

func (t *iacTally) write(w io.Writer, name string) {
	fmt.Fprintf(w, "| %s | %d | %d | %d | %.3f | %d | %.3f | %d of %d |\n",
		name, t.checks, t.lines, t.found, ratio(t.found, t.lines), t.wrong, ratio(t.found, t.found+t.wrong), t.flagged, t.checks)
}

// iacRule measures one check.
func iacRule(ctx context.Context, c *iac.Checker, rule iac.Rule) (iacTally, error) {
	name := strings.ReplaceAll(strings.TrimPrefix(rule.ID, string(rule.Kind)+"-"), "-", "_")
	content, err := os.ReadFile(filepath.Join(filepath.FromSlash(iacFixtures), string(rule.Kind), name+".txtar"))
	if err != nil {
		return iacTally{}, err
	}
	bad, good := archive(content)
	found, err := iacPlaces(ctx, c, rule.ID, bad)
	if err != nil {
		return iacTally{}, err
	}
	flagged, err := iacPlaces(ctx, c, rule.ID, good)
	if err != nil {
		return iacTally{}, err
	}
	t := iacTally{checks: 1, flagged: min(1, len(flagged))}
	marked := iacMarks(bad)
	t.lines = len(marked)
	for place := range found {
		if marked[place] {
			t.found++
		} else {
			t.wrong++
		}
	}
	return t, nil
}

// archive reads the files below fail/ and pass/ of a txtar archive.
func archive(content []byte) (bad, good []iac.File) {
	for part := range strings.SplitSeq("\n"+string(content), "\n-- ") {
		name, body, ok := strings.Cut(part, " --\n")
		if !ok {
			continue
		}
		body += "\n"
		if path, isBad := strings.CutPrefix(name, "fail/"); isBad {
			bad = append(bad, iac.File{Path: path, Content: []byte(body)})
		} else if path, isGood := strings.CutPrefix(name, "pass/"); isGood {
			good = append(good, iac.File{Path: path, Content: []byte(body)})
		}
	}
	return bad, good
}

// iacMarks gives the places that a check must find: lines that end with "# here",
// the line after one that is nothing else, and any line of JSON, which has no comments.
func iacMarks(files []iac.File) map[string]bool {
	marks := map[string]bool{}
	for _, f := range files {
		if filepath.Ext(f.Path) == ".json" {
			marks[f.Path+":0"] = true
		}
		for i, line := range strings.Split(string(f.Content), "\n") {
			if strings.TrimSpace(line) == "# here" {
				marks[fmt.Sprintf("%s:%d", f.Path, i+2)] = true
			} else if strings.HasSuffix(line, "# here") {
				marks[fmt.Sprintf("%s:%d", f.Path, i+1)] = true
			}
		}
	}
	return marks
}

func iacPlaces(ctx context.Context, c *iac.Checker, rule string, files []iac.File) (map[string]bool, error) {
	report, err := c.Check(ctx, files)
	if err != nil {
		return nil, err
	}
	places := map[string]bool{}
	for _, f := range report.Findings {
		for _, l := range append(f.Further, f.Location) {
			if f.Rule == rule {
				places[fmt.Sprintf("%s:%d", l.Path, l.Line)] = true
			}
		}
	}
	return places, nil
}
