package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/remedy"
)

// Fix looks the dependencies up and changes the manifests that name vulnerable
// ones, all or none.
func (s scanner) Fix(ctx context.Context, q cli.FixQuery) (cli.Fixed, error) {
	found, err := s.Scan(ctx, cli.ScanQuery{Path: q.Path, Only: []string{"sca"}}, func(cli.Engine) {})
	if err != nil {
		return cli.Fixed{}, err
	}
	for _, e := range found.Engines {
		if e.Result != fairlead.ResultSuccess {
			return cli.Fixed{}, &fairlead.Problem{
				Op: "fix", Kind: fairlead.KindUnavailable, Err: fmt.Errorf("%s: %s", e.Type, e.Reason), Hint: "without an answer about every dependency nothing is changed",
			}
		}
	}
	var all []fairlead.Finding
	for _, t := range found.Findings {
		all = append(all, t.Finding)
	}
	fixes, left := remedy.Plan(all)
	root, err := os.OpenRoot(found.Path)
	if err != nil {
		return cli.Fixed{}, fixProblem(fairlead.KindUnavailable, err)
	}
	defer root.Close()
	edited, err := edit(root, fixes)
	if err != nil {
		return cli.Fixed{}, err
	}
	if q.Write {
		if err := writeAll(root, edited); err != nil {
			return cli.Fixed{}, err
		}
	}
	return fixed(found.Path, q.Write, fixes, left, edited, locks(all)), nil
}

func fixProblem(kind fairlead.Kind, err error) error {
	return &fairlead.Problem{Op: "fix", Kind: kind, Err: err, Hint: "no file was changed"}
}

// mostManifest is how large a manifest may be, in bytes.
const mostManifest = 16 << 20

// manifest is a file with its content before and after.
type manifest struct {
	name          string // slash-separated
	before, after []byte
}

// edit makes the changes in memory.
func edit(root *os.Root, fixes []remedy.Fix) ([]manifest, error) {
	changes := map[string][]remedy.Change{}
	var names []string
	for _, f := range fixes {
		if changes[f.File] == nil {
			names = append(names, f.File)
		}
		changes[f.File] = append(changes[f.File], remedy.Change{Name: f.Package, From: f.From, To: f.To})
	}
	var out []manifest
	var failed []error
	for _, name := range names {
		before, err := readManifest(root, name)
		if err == nil {
			var after []byte
			if after, err = remedy.Edit(name, before, changes[name]); err == nil {
				out = append(out, manifest{name, before, after})
			}
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) > 0 {
		return nil, &fairlead.Problem{
			Op: "fix", Kind: fairlead.KindFailed, Err: errors.Join(failed...), Hint: "no file was changed: change these by hand, then run it again",
		}
	}
	return out, nil
}

// readManifest reads a regular file, through no link.
func readManifest(root *os.Root, name string) ([]byte, error) {
	info, err := root.Lstat(filepath.FromSlash(name))
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		return nil, err
	}
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostManifest+1))
	if err == nil && len(b) > mostManifest {
		err = fmt.Errorf("%s is larger than %d MiB", name, mostManifest>>20)
	}
	return b, err
}

// writeAll puts all files in their places. Each is written beside its place
// first; when one cannot be put there, those before it are put back.
func writeAll(root *os.Root, all []manifest) (err error) {
	var done []manifest
	defer func() {
		if err == nil {
			return
		}
		for _, m := range done {
			if back := replace(root, m.name, m.before); back != nil {
				err = errors.Join(err, back)
			}
		}
	}()
	for _, m := range all {
		now, rerr := readManifest(root, m.name)
		if rerr == nil && string(now) != string(m.before) {
			rerr = fmt.Errorf("%s was changed meanwhile", m.name)
		}
		if rerr != nil {
			return fixProblem(fairlead.KindConflict, rerr)
		}
		if rerr := replace(root, m.name, m.after); rerr != nil {
			return fixProblem(fairlead.KindUnavailable, rerr)
		}
		done = append(done, m)
	}
	return nil
}

// replace puts content in the place of a file at once.
func replace(root *os.Root, name string, content []byte) error {
	file := filepath.FromSlash(name)
	info, err := root.Lstat(file)
	if err != nil {
		return err
	}
	temp := file + ".fairlead-new"
	f, err := root.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, info.Mode().Perm())
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there: another fix goes on, or died; remove it", temp)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = root.Rename(temp, file)
	}
	if err != nil {
		_ = root.Remove(temp)
	}
	return err
}

// locks lists the files that name components, by directory.
func locks(all []fairlead.Finding) map[string][]string {
	out := map[string][]string{}
	for _, f := range all {
		for _, l := range append([]fairlead.Location{f.Location}, f.Further...) {
			out[path.Dir(l.Path)] = append(out[path.Dir(l.Path)], l.Path)
		}
	}
	return out
}

// fixed says what was done, or would be.
func fixed(dir string, written bool, fixes []remedy.Fix, left []remedy.Left, edited []manifest, locks map[string][]string) cli.Fixed {
	out := cli.Fixed{Path: dir, Written: written, Fixes: []cli.FixLine{}, Left: []cli.FixLine{}, Then: []string{}}
	for _, f := range fixes {
		out.Fixes = append(out.Fixes, cli.FixLine{File: f.File, Package: f.Package, From: f.From, To: f.To, Vulnerabilities: f.Clears})
		out.Lines = append(out.Lines, fmt.Sprintf("%s: %s %s to %s clears %s", f.File, f.Package, f.From, f.To, strings.Join(f.Clears, ", ")))
	}
	for _, l := range left {
		out.Left = append(out.Left, cli.FixLine{File: l.File, Package: l.Package, From: l.Version, Vulnerabilities: l.Vulnerabilities, Reason: l.Reason, Advice: l.Advice})
		out.Lines = append(out.Lines, fmt.Sprintf("%s: %s %s stays with %s: %s", l.File, l.Package, l.Version, strings.Join(l.Vulnerabilities, ", "), l.Reason))
		if l.Advice != "" {
			out.Lines = append(out.Lines, "    "+l.Advice)
		}
	}
	for _, m := range edited {
		if then := remedy.After(m.name, locks[path.Dir(m.name)]); then != "" {
			out.Then = append(out.Then, fmt.Sprintf("(cd %s && %s)", remedy.Quote(cmp.Or(path.Dir(m.name), ".")), then))
		}
	}
	slices.Sort(out.Then)
	switch {
	case len(fixes)+len(left) == 0:
		out.Lines = append(out.Lines, "no dependency has a known vulnerability")
	case written && len(fixes) > 0:
		out.Lines = append(out.Lines, fmt.Sprintf("%d files written; to follow: %s", len(edited), cmp.Or(strings.Join(out.Then, "; "), "nothing")))
	case len(fixes) > 0:
		out.Lines = append(out.Lines, fmt.Sprintf("%d files to change: fairlead fix --write", len(edited)))
	}
	return out
}
