package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/format/spdx"
	"fairlead.dev/sbom"
	sbomsource "fairlead.dev/step/sbom/source"
	scanimage "fairlead.dev/step/scan/image"
)

// bills makes bills of materials.
type bills struct {
	*wiring
	set cli.Settings
}

// Formats are what a document can be written as.
func (b bills) Formats() []string { return []string{"cyclonedx", "spdx"} }

// Make lists what the subject is made of.
func (b bills) Make(ctx context.Context, q cli.BillQuery) (cli.Bill, error) {
	if q.Format != "cyclonedx" && q.Format != "spdx" {
		return cli.Bill{}, badFlag("format", q.Format, "--format takes cyclonedx and spdx")
	}
	dir, err := os.MkdirTemp("", "fairlead-sbom-")
	if err != nil {
		return cli.Bill{}, &fairlead.Problem{Op: "list components", Kind: fairlead.KindUnavailable, Err: err, Hint: "TMPDIR names a directory with room for a copy of the files"}
	}
	defer os.RemoveAll(dir)
	s := scanner(b)
	job, err := s.job(ctx, cli.ScanQuery{Path: q.Subject, Ignored: q.Ignored, Platform: q.Platform, Base: q.Base}, dir)
	if err != nil {
		return cli.Bill{}, err
	}
	job.Service = cmp.Or(q.Name, job.Service)
	if job.Event.Time, err = b.moment(job.Event.Time); err != nil {
		return cli.Bill{}, err
	}
	typ, with := sbomsource.Name, map[string]any{"dev": !q.NoDev, "programs": isFile(job.Subject)}
	if job.Image != "" {
		typ, with = scanimage.Name, map[string]any{"secrets": false, "settings": false}
	}
	document, found, err := s.runner(dir).Bill(ctx, job, typ, with)
	if err != nil {
		return cli.Bill{}, err
	}
	out := cli.Bill{Subject: job.Subject, Missing: []string{}}
	for _, f := range found {
		out.Missing = append(out.Missing, f.Location.Path+": "+f.Message)
	}
	return out, render(&out, document, q.Format)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// render writes a document of ours in the format asked for.
func render(out *cli.Bill, document []byte, format string) error {
	d, name, err := sbom.Read(document)
	if err != nil {
		return err
	}
	out.Components, out.Format, out.Document = len(d.Components), name, document
	if format == "spdx" {
		out.Format = "SPDX 2.3"
		if out.Document, err = spdx.Encode(sbom.SPDX(d)); err != nil {
			return &fairlead.Problem{Op: "write bill of materials", Kind: fairlead.KindInternal, Err: err}
		}
	}
	return nil
}

// moment is the time that a document carries: what SOURCE_DATE_EPOCH says, else
// the commit's.
func (w *wiring) moment(commit time.Time) (time.Time, error) {
	text := w.env["SOURCE_DATE_EPOCH"]
	if text == "" {
		return commit, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return commit, badFlag("SOURCE_DATE_EPOCH", text, "SOURCE_DATE_EPOCH is a number of seconds since 1970")
	}
	return time.Unix(n, 0).UTC(), nil
}

func badFlag(name, value, hint string) error {
	return &fairlead.Problem{Op: "list components", Kind: fairlead.KindInvalid, Err: errors.New(name + ": " + fmt.Sprintf("%q", value) + " is not known"), Hint: hint}
}
