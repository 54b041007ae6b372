package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/image"
	"fairlead.dev/scan"
)

// job finds out what the query names: a tree, an image or a single file. dir is
// where a scan keeps its files; an image from a registry is fetched into it.
func (s scanner) job(ctx context.Context, q cli.ScanQuery, dir string) (scan.Job, error) {
	named := cmp.Or(q.Path, s.set.Dir)
	if strings.HasPrefix(named, "http://") || strings.HasPrefix(named, "https://") {
		return s.service(q, named, dir)
	}
	path, err := filepath.Abs(named)
	if err != nil {
		return scan.Job{}, &fairlead.Problem{Op: "scan", Kind: fairlead.KindInvalid, Err: err, Hint: "name a directory or an image"}
	}
	info, err := os.Stat(path)
	isImage := err == nil && image.Is(path)
	if !isImage && (q.Base != "" || q.Platform != "") && !reference(named, err) {
		return scan.Job{}, &fairlead.Problem{Op: "scan", Kind: fairlead.KindInvalid, Err: errors.New(named + " is not an image"), Hint: "--base and --platform are about images"}
	}
	var j scan.Job
	switch {
	case reference(named, err):
		j, err = s.fetched(ctx, q, named, dir)
	case err != nil:
		err = &fairlead.Problem{Op: "scan", Kind: fairlead.KindInvalid, Err: err, Hint: "name a directory, or an image by its path or with its tag"}
	case isImage && info.IsDir():
		j = scan.Job{Source: scan.Source{Dir: path}, Image: ".", Service: filepath.Base(path)}
	case isImage:
		j = single(path)
		j.Image = filepath.Base(path)
	case info.Mode().IsRegular():
		j = single(path)
	case info.IsDir():
		if j, err = s.tree(ctx, q, path); err == nil {
			j.Subject = path
		}
		return j, err
	default:
		err = &fairlead.Problem{Op: "scan", Kind: fairlead.KindInvalid, Err: fmt.Errorf("%s is not a directory", path), Hint: "name a directory"}
	}
	if err != nil {
		return j, err
	}
	j.Subject, j.Only, j.Limit, j.Platform = cmp.Or(j.Subject, path), q.Only, engineLimit, q.Platform
	if j.Base, err = based(ctx, q); err != nil {
		return j, err
	}
	j.Advisories, err = s.advisories(cmp.Or(s.set.State, stateOf(s.set.Dir)))
	return j, err
}

// service is a job about a running service, which has no files.
func (s scanner) service(q cli.ScanQuery, address, dir string) (scan.Job, error) {
	const op, hint = "scan", "name a running service such as http://127.0.0.1:8080"
	u, err := url.Parse(address)
	if err == nil && u.Host == "" {
		err = errors.New(address + " names no host")
	}
	if err != nil {
		return scan.Job{}, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: err, Hint: hint}
	}
	if q.Base != "" || q.Platform != "" {
		return scan.Job{}, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: errors.New(u.Redacted() + " is not an image"), Hint: "--base and --platform are about images"}
	}
	if err := os.Mkdir(filepath.Join(dir, "src"), 0o700); err != nil {
		return scan.Job{}, &fairlead.Problem{Op: op, Kind: fairlead.KindUnavailable, Err: err, Hint: "is the disk full or read-only?"}
	}
	settings, err := configured(q, cmp.Or(s.set.Dir, "."), "")
	return scan.Job{Endpoint: address, Subject: u.Redacted(), Service: u.Host, Only: q.Only, Limit: engineLimit, Settings: settings}, err
}

// single is a job about one file.
func single(path string) scan.Job {
	return scan.Job{Source: scan.Source{Dir: filepath.Dir(path), Files: []string{filepath.Base(path)}}, Service: strings.TrimSuffix(filepath.Base(path), ".tar")}
}

// reference tells whether what is no path names an image in a registry: it has a
// tag or a digest.
func reference(named string, missing error) bool {
	return errors.Is(missing, os.ErrNotExist) && strings.ContainsAny(named[strings.LastIndex(named, "/")+1:], ":@") && !filepath.IsAbs(named)
}

// fetched gets an image from its registry. The engines have no network, so this
// process does.
func (s scanner) fetched(ctx context.Context, q cli.ScanQuery, ref, dir string) (scan.Job, error) {
	err := image.Fetch(ctx, ref, q.Platform, filepath.Join(dir, "src", "image"))
	service := ref[strings.LastIndex(ref, "/")+1:]
	if i := strings.IndexAny(service, ":@"); i > 0 {
		service = service[:i]
	}
	return scan.Job{Image: "image", Subject: ref, Service: service}, err
}

// based gives the layers of the base image.
func based(ctx context.Context, q cli.ScanQuery) ([]string, error) {
	if q.Base == "" || q.Base == "scratch" {
		return strings.Fields(q.Base), nil
	}
	if _, err := os.Stat(q.Base); !reference(q.Base, err) {
		of, err := image.Open(q.Base, q.Platform)
		if err != nil {
			return nil, err
		}
		var out []string
		for _, l := range of.Layers {
			out = append(out, string(l.Digest))
		}
		return out, nil
	}
	return image.Layers(ctx, q.Base, q.Platform)
}

// stateOf is where the state of a repository is kept.
func stateOf(dir string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	return filepath.Join(abs, ".fairlead")
}
