package vulndb

import (
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead.dev"
	"fairlead.dev/format/osv"
)

// Document gives a record as it was published. An id the database does not
// have is KindNotFound.
func (d *DB) Document(ctx context.Context, id string) ([]byte, error) {
	rows, err := d.sql.QueryContext(ctx, "SELECT d.body FROM document d JOIN advisory a ON a.num = d.num WHERE a.id = ?", id)
	if err != nil {
		return nil, readProblem(err)
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return nil, readProblem(err)
		}
		return nil, &fairlead.Problem{
			Op: "read vulnerability", Kind: fairlead.KindNotFound, Err: errNoRecord(id),
			Hint: "`fairlead vulndb status` shows which sources were imported",
		}
	}
	var packed []byte
	if err := rows.Scan(&packed); err != nil {
		return nil, readProblem(err)
	}
	body, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxRecord+1))
	return body, readProblem(err)
}

type errNoRecord string

func (e errNoRecord) Error() string { return "there is no record " + string(e) }

// goModule is an entry of the index of a Go vulnerability database.
type goModule struct {
	Path  string   `json:"path"`
	Vulns []goVuln `json:"vulns"`
}

type goVuln struct {
	ID       string    `json:"id"`
	Modified time.Time `json:"modified"`
	Fixed    string    `json:"fixed,omitempty"`
}

// WriteGo writes the records with the ids as a database that Go's own tools
// read: ID/*.json and index/{db,modules,vulns}.json below dir.
func (d *DB) WriteGo(ctx context.Context, dir string, ids []string) error {
	for _, sub := range []string{"ID", "index"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return writeProblem(err)
		}
	}
	modules := map[string]*goModule{}
	var newest time.Time
	vulns := []map[string]any{}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		body, err := d.Document(ctx, id)
		if err != nil {
			return err
		}
		r, err := osv.Decode(body)
		if err != nil {
			return readProblem(err)
		}
		if !filepath.IsLocal(id) || strings.ContainsAny(id, `/\`) {
			continue // no id of the Go database
		}
		if err := os.WriteFile(filepath.Join(dir, "ID", id+".json"), body, 0o600); err != nil {
			return writeProblem(err)
		}
		if r.Modified.After(newest) {
			newest = r.Modified.Time
		}
		vulns = append(vulns, map[string]any{"id": id, "modified": r.Modified.Time, "aliases": r.Aliases})
		indexGo(modules, r)
	}
	list := make([]*goModule, 0, len(modules))
	for _, m := range modules {
		list = append(list, m)
	}
	slices.SortFunc(list, func(a, b *goModule) int { return cmp.Compare(a.Path, b.Path) })
	for name, v := range map[string]any{"db": map[string]any{"modified": newest}, "modules": list, "vulns": vulns} {
		b, err := json.Marshal(v)
		if err != nil {
			return writeProblem(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "index", name+".json"), b, 0o600); err != nil {
			return writeProblem(err)
		}
	}
	return nil
}

// indexGo enters a record under each of its modules.
func indexGo(modules map[string]*goModule, r osv.Record) {
	for _, a := range r.Affected {
		if a.Package.Ecosystem != "Go" {
			continue
		}
		m := modules[a.Package.Name]
		if m == nil {
			m = &goModule{Path: a.Package.Name}
			modules[a.Package.Name] = m
		}
		v := goVuln{ID: r.ID, Modified: r.Modified.Time}
		for _, g := range a.Ranges {
			for _, e := range g.Events {
				v.Fixed = cmp.Or(e.Fixed, v.Fixed)
			}
		}
		if !slices.ContainsFunc(m.Vulns, func(have goVuln) bool { return have.ID == v.ID }) {
			m.Vulns = append(m.Vulns, v)
		}
	}
}

func writeProblem(err error) error {
	return &fairlead.Problem{Op: "write vulnerabilities", Kind: fairlead.KindUnavailable, Err: err, Hint: "check the space and the permissions of the directory"}
}
