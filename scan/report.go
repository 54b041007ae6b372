package scan

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// External is the word for what other scanners reported.
const External = "external"

// reports gives an engine for each report of the job. Each sees its report and
// nothing else: it is no part of the tree for the others.
func (r Runner) reports(ctx context.Context, j Job) ([]Engine, error) {
	if len(j.Reports) == 0 {
		return nil, nil
	}
	typ, err := r.named("scan.external")
	if err != nil {
		return nil, err
	}
	var out []Engine
	for i, path := range j.Reports {
		name := fmt.Sprintf("report-%d", i+1)
		source := Source{Dir: filepath.Dir(path), Files: []string{filepath.Base(path)}}
		dir := filepath.Join(r.Dir, name)
		left, err := source.copyTo(ctx, dir)
		if err != nil {
			return nil, err
		}
		if left.first != "" {
			return nil, invalid("read report", "--from names files that you may read", errors.New(left.first))
		}
		settings := map[string]any{"report": filepath.Base(path), "roots": []string{}}
		if j.Source.Dir != "" {
			settings["roots"] = []string{j.Source.Dir}
		}
		out = append(out, Engine{Word: External, Type: typ.Name, typ: typ, workspace: dir, scratch: name, settings: settings})
	}
	return out, nil
}
