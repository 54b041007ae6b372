package main

import (
	"archive/zip"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead.dev/vulndb"
)

// contests prepares what the programs do.
func (b bench) contests(ctx context.Context) ([]contest, error) {
	var all []contest
	for _, p := range []struct {
		peer    string
		prepare func(context.Context) (contest, error)
	}{{"gitleaks", b.secrets}, {"osv-scanner", b.matching}, {"govulncheck", b.reachability}} {
		if b.only != "" && b.only != p.peer {
			continue
		}
		c, err := p.prepare(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// secrets is a tree of source code: some of Go's standard library.
func (b bench) secrets(ctx context.Context) (contest, error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return contest{}, err
	}
	c := contest{
		title: "secrets in source", dir: filepath.Join(b.dir, "source"), peer: "gitleaks",
		ours:  []string{"scan", "--only", "secrets", "--fail-on", "none"},
		their: []string{"dir", ".", "--no-banner", "--log-level", "error", "--exit-code", "0"},
	}
	for _, name := range []string{"net", "crypto", "go", "internal", "encoding", "runtime", "cmd/go"} {
		if err := os.CopyFS(filepath.Join(c.dir, name), os.DirFS(filepath.Join(strings.TrimSpace(string(root)), "src", name))); err != nil {
			return c, err
		}
	}
	c.bytes, err = size(c.dir)
	c.title += fmt.Sprintf(", %.0f MB", float64(c.bytes)/1e6)
	return c, err
}

func size(dir string) (int64, error) {
	total := int64(0)
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

// matching is a lock file with 1,000 packages, of which one in ten has records.
func (b bench) matching(ctx context.Context) (contest, error) {
	archive := filepath.Join(b.data, "osv", "PyPI.zip")
	known, err := packages(archive)
	if err != nil {
		return contest{}, err
	}
	c := contest{title: "match 1,000 packages of a lock file", dir: filepath.Join(b.dir, "lock"), peer: "osv-scanner"}
	var lock strings.Builder
	for i := range 1000 {
		name := fmt.Sprintf("unknown-package-%d", i)
		if i%10 == 0 {
			name = known[i/10%len(known)]
		}
		fmt.Fprintf(&lock, "%s==1.0.0\n", name)
	}
	cache := filepath.Join(b.dir, "osv")
	if err := write(filepath.Join(c.dir, "requirements.txt"), lock.String()); err != nil {
		return c, err
	}
	content, err := os.ReadFile(archive)
	if err != nil {
		return c, err
	}
	for _, folder := range []string{"osv-scanner", "osv-scalibr"} { // releases differ in the name
		if err := write(filepath.Join(cache, folder, "PyPI", "all.zip"), string(content)); err != nil {
			return c, err
		}
	}
	db, err := b.database(ctx)
	c.ours = []string{"scan", "--only", "sca", "--fail-on", "none", "--vulndb", db}
	c.their = []string{"scan", "source", "-L", "requirements.txt", "--offline-vulnerabilities", "--no-resolve", "--format", "json"}
	c.env = []string{"OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY=" + cache}
	return c, err
}

// reachability is podinfo, a service, as the module cache has it.
func (b bench) reachability(ctx context.Context) (contest, error) {
	c := contest{title: "what of podinfo's vulnerabilities is called, nothing kept from before", dir: filepath.Join(b.dir, "podinfo"), peer: "govulncheck"}
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/stefanprodan/podinfo")
	list.Dir = filepath.Join("examples", "podinfo")
	from, err := list.Output()
	if err != nil {
		return c, err
	}
	if err := os.CopyFS(c.dir, os.DirFS(strings.TrimSpace(string(from)))); err != nil {
		return c, err
	}
	path, err := b.database(ctx)
	if err != nil {
		return c, err
	}
	files := filepath.Join(b.dir, "godb")
	db, err := vulndb.Open(ctx, path)
	if err != nil {
		return c, err
	}
	defer db.Close()
	ids, err := records(filepath.Join(b.data, "osv", "Go.zip"))
	if err != nil {
		return c, err
	}
	if err := db.WriteGo(ctx, files, ids); err != nil {
		return c, err
	}
	c.ours = []string{"scan", "--only", "sca", "--fail-on", "none", "--vulndb", path}
	c.their = []string{"-db", "file://" + files, "./..."}
	cache, err := exec.CommandContext(ctx, "go", "env", "GOCACHE").Output()
	c.once, c.fresh = true, filepath.Join(b.dir, "cache")
	c.env = []string{"XDG_CACHE_HOME=" + c.fresh, "GOCACHE=" + strings.TrimSpace(string(cache))}
	return c, err
}

// database imports the records, once.
func (b bench) database(ctx context.Context) (string, error) {
	path := filepath.Join(b.dir, "vulndb.sqlite")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	_, err := vulndb.Import(ctx, path, time.Now(), vulndb.Input{Path: filepath.Join(b.data, "osv", "Go.zip")}, vulndb.Input{Path: filepath.Join(b.data, "osv", "PyPI.zip")})
	return path, err
}

// records lists the ids of an archive, by the names of its files.
func records(archive string) ([]string, error) {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var ids []string
	for _, f := range z.File {
		if id, ok := strings.CutSuffix(filepath.Base(f.Name), ".json"); ok {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// packages lists the names of packages that records of an archive are about.
func packages(archive string) ([]string, error) {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var names []string
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			return nil, err
		}
		var r struct {
			Affected []struct {
				Package struct {
					Name string `json:"name"`
				} `json:"package"`
			} `json:"affected"`
		}
		err = json.NewDecoder(in).Decode(&r)
		_ = in.Close()
		if err != nil {
			return nil, err
		}
		for _, a := range r.Affected {
			names = append(names, a.Package.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func write(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o600)
}
