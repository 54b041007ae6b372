package scan

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"fairlead.dev"
)

// Bill runs one step type over a copy of the job's source, with the given
// configuration, and gives the content of the first artifact it leaves: a bill
// of materials. What it found tells of files that it could not read.
func (r Runner) Bill(ctx context.Context, j Job, typ string, with map[string]any) ([]byte, []fairlead.Finding, error) {
	t, err := r.named(typ)
	if err != nil {
		return nil, nil, err
	}
	w := &work{Runner: r, job: j, workspace: filepath.Join(r.Dir, "src"), shelf: &shelf{dir: filepath.Join(r.Dir, "blobs")}}
	left, err := j.Source.copyTo(ctx, w.workspace)
	if err != nil {
		return nil, nil, err
	}
	if left.first != "" {
		fmt.Fprintln(r.Output, left)
	}
	if err := os.MkdirAll(w.shelf.dir, 0o700); err != nil {
		return nil, nil, unavailable("scan", err)
	}
	out, err := w.once(ctx, Engine{Word: "sbom", Type: typ, settings: with, typ: t})
	if err != nil {
		return nil, nil, err
	}
	if len(out.Artifacts) == 0 {
		return nil, nil, &fairlead.Problem{Op: "scan", Kind: fairlead.KindInternal, Err: errors.New(typ + " left no document")}
	}
	b, err := os.ReadFile(w.shelf.path(out.Artifacts[0].Digest))
	if err != nil {
		return nil, nil, unavailable("scan", err)
	}
	return b, out.Findings, nil
}
