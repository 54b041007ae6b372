package sca

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fairlead.dev/reach"
)

// unread is how long a kept analysis stays when nobody asks for it.
const unread = 30 * 24 * time.Hour

// analyse runs the analysis of one module, or takes what it gave for the same
// sources, checksums, toolchain and records.
func (s *scan) analyse(ctx context.Context, dir string, ids []string) (reach.Report, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	files, err := os.MkdirTemp(s.in.Scratch, "godb-")
	if err != nil {
		return reach.Report{}, err
	}
	defer os.RemoveAll(files)
	if err := s.db.WriteGo(ctx, files, ids); err != nil {
		return reach.Report{}, err
	}
	cached := s.cacheFile(ctx, dir, files)
	if r, ok := readReport(cached); ok {
		return r, nil
	}
	r, err := reach.Analyse(ctx, reach.Query{
		Dir: filepath.Join(s.in.Workspace, filepath.FromSlash(dir)), Database: files, Env: s.in.Env,
		MaxMiB: s.config.MaxMiB, Tests: s.config.Tests,
	})
	if err == nil {
		writeReport(cached, r)
	}
	return r, err
}

// cacheFile names what an analysis depends on: every Go file, go.mod and
// go.sum of the tree, the records, the toolchain, and the question; "" where
// nothing is kept.
func (s *scan) cacheFile(ctx context.Context, dir, records string) string {
	if s.in.Cache == "" {
		return ""
	}
	h := sha256.New()
	fmt.Fprintln(h, version, dir, s.config.Tests, strings.Join(goSettings(s.in.Env), " "), s.toolchain(ctx, dir))
	db, err := os.OpenRoot(records)
	if err != nil {
		return ""
	}
	defer db.Close()
	if sum(h, db, func(string) bool { return true }) != nil || sum(h, s.root, isGo) != nil {
		return ""
	}
	return filepath.Join(s.in.Cache, "reach", hex.EncodeToString(h.Sum(nil))+".json")
}

// isGo tells whether a file is one that the go command reads.
func isGo(p string) bool {
	base := path.Base(p)
	return path.Ext(p) == ".go" || base == "go.mod" || base == "go.sum" || base == "modules.txt"
}

// sum writes paths and content of the files that are wanted to a hash.
func sum(h io.Writer, root *os.Root, wanted func(path string) bool) error {
	return fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		if !d.Type().IsRegular() || !wanted(p) {
			return nil
		}
		f, err := root.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintln(h, p)
		_, err = io.Copy(h, f)
		return err
	})
}

// toolchain tells which Go would build a module, "" when there is none.
func (s *scan) toolchain(ctx context.Context, dir string) string {
	cmd := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOROOT", "GOOS", "GOARCH")
	cmd.Dir, cmd.Env = filepath.Join(s.in.Workspace, filepath.FromSlash(dir)), s.in.Env
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	return string(out)
}

// goSettings are the variables that change what the go command builds.
func goSettings(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		switch name {
		case "GOCACHE", "GOMEMLIMIT", "GOTRACEBACK", "GOGC", "GOMAXPROCS", "GOTMPDIR":
			return true
		}
		return !strings.HasPrefix(name, "GO") && !strings.HasPrefix(name, "CGO_")
	})
}

func readReport(file string) (reach.Report, bool) {
	var r reach.Report
	b, err := os.ReadFile(file)
	if file == "" || err != nil || json.Unmarshal(b, &r) != nil {
		return r, false
	}
	now := time.Now()
	_ = os.Chtimes(file, now, now) // it was asked for
	return r, true
}

// writeReport keeps a report where that is possible, and removes those that
// nobody asked for in a while.
func writeReport(file string, r reach.Report) {
	b, err := json.Marshal(r)
	dir := filepath.Dir(file)
	if file == "" || err != nil || os.MkdirAll(dir, 0o700) != nil {
		return
	}
	temp, err := os.CreateTemp(dir, ".new-")
	if err != nil {
		return
	}
	_, err = temp.Write(b)
	if cerr := temp.Close(); err != nil || cerr != nil || os.Rename(temp.Name(), file) != nil {
		os.Remove(temp.Name())
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > unread {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}
