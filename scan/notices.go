package scan

import (
	"context"
	"os"
	"path/filepath"
	"slices"

	"fairlead.dev"
)

// The artifacts that pass between the engines of a notice.
const (
	billName      = "sbom.cdx.json"
	typeOfNotices = "scan.licences"
)

// Notices gives the notices of what the job's source is made of, as the step type
// for licences writes them. document is a bill of materials in CycloneDX; nil has
// the step type typ make it, with the given configuration. What was found tells of
// files that could not be read.
func (r Runner) Notices(ctx context.Context, j Job, document []byte, typ string, with map[string]any) ([]byte, []fairlead.Finding, error) {
	var found []fairlead.Finding
	if document == nil {
		var err error
		if document, found, err = r.Bill(ctx, j, typ, with); err != nil {
			return nil, nil, err
		}
	} else if err := os.MkdirAll(filepath.Join(r.Dir, "src"), 0o700); err != nil {
		return nil, nil, unavailable("scan", err)
	}
	root, err := os.OpenRoot(filepath.Join(r.Dir, "src"))
	if err != nil {
		return nil, nil, unavailable("scan", err)
	}
	defer root.Close()
	_ = root.Remove(billName) // the tree's own file of that name
	if err := root.WriteFile(billName, document, 0o600); err != nil {
		return nil, nil, unavailable("place "+billName, err)
	}
	j.Source = Source{} // it is in place
	notices, _, err := r.Bill(ctx, j, typeOfNotices, map[string]any{"notices": true})
	return notices, slices.Clip(found), err
}
