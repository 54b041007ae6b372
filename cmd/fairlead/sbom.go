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
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/format/spdx"
	"fairlead.dev/sbom"
	"fairlead.dev/scan"
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
	out := cli.Bill{Missing: []string{}}
	err := b.prepared(ctx, q, func(r scan.Runner, job scan.Job) error {
		typ, with := maker(job, !q.NoDev)
		document, found, err := r.Bill(ctx, job, typ, with)
		if err != nil {
			return err
		}
		out.Subject, out.Missing = job.Subject, missing(found)
		if err := render(&out, document, q.Format); err != nil {
			return err
		}
		if job.Image == "" && isFile(job.Subject) && out.Components == 0 && len(found) == 0 {
			return &fairlead.Problem{
				Op: "list components", Kind: fairlead.KindInvalid, Err: fmt.Errorf("%s does not tell what it was built from", job.Subject),
				Hint: "name a program that Go built, whole and not stripped of its build information, an image or a directory",
			}
		}
		return nil
	})
	return out, err
}

// maker is the step type that makes the bill of materials of a job, and its keys.
func maker(job scan.Job, dev bool) (string, map[string]any) {
	if job.Image != "" {
		return scanimage.Name, map[string]any{"secrets": false, "settings": false}
	}
	return sbomsource.Name, map[string]any{"dev": dev, "programs": isFile(job.Subject)}
}

func missing(found []fairlead.Finding) []string {
	out := []string{}
	for _, f := range found {
		out = append(out, f.Location.Path+": "+f.Message)
	}
	return out
}

// prepared finds out what the query is about and has work done on it.
func (b bills) prepared(ctx context.Context, q cli.BillQuery, work func(scan.Runner, scan.Job) error) error {
	dir, err := os.MkdirTemp("", "fairlead-sbom-")
	if err != nil {
		return &fairlead.Problem{Op: "list components", Kind: fairlead.KindUnavailable, Err: err, Hint: "TMPDIR names a directory with room for a copy of the files"}
	}
	defer os.RemoveAll(dir)
	s := scanner(b)
	job, err := s.job(ctx, cli.ScanQuery{Path: q.Subject, Ignored: q.Ignored, Defaults: true, Platform: q.Platform, Base: q.Base}, dir)
	if err != nil {
		return err
	}
	job.Service = cmp.Or(q.Name, job.Service)
	if job.Event.Time, err = b.moment(job.Event.Time); err != nil {
		return err
	}
	return work(s.runner(dir), job)
}

// Notices writes the notices of what the subject is made of.
func (b bills) Notices(ctx context.Context, q cli.BillQuery) (cli.Bill, error) {
	out := cli.Bill{Format: "text", Missing: []string{}}
	err := b.prepared(ctx, q, func(r scan.Runner, job scan.Job) error {
		var document []byte
		if job.Image == "" && isFile(job.Subject) {
			if d, _, err := readBill(job.Subject); err == nil { // else it is a program
				d.Root.Name = cmp.Or(q.Name, d.Root.Name, job.Service)
				if document, err = cyclonedx.Encode(d); err != nil {
					return &fairlead.Problem{Op: "write notices", Kind: fairlead.KindInternal, Err: err}
				}
			}
		}
		typ, with := maker(job, false)
		notices, found, err := r.Notices(ctx, job, document, typ, with)
		out.Subject, out.Missing, out.Document = job.Subject, missing(found), notices
		return err
	})
	return out, err
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
