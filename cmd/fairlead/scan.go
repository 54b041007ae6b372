package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/confine"
	"fairlead.dev/intake/worktree"
	"fairlead.dev/record"
	"fairlead.dev/scan"
	"fairlead.dev/step"
	stepall "fairlead.dev/step/all"
	"fairlead.dev/triage"
)

// engineLimit is how long one engine of a scan by hand may take.
const engineLimit = 30 * time.Minute

// scanner runs scanners by hand.
type scanner struct {
	*wiring
	set cli.Settings
}

// Words are what --only may name.
func (s scanner) Words() []string { return scan.Words() }

// Scan runs the engines over a copy of the tree and follows up what they found.
func (s scanner) Scan(ctx context.Context, q cli.ScanQuery, said func(cli.Engine)) (cli.Scanned, error) {
	if err := placeable(q.SARIF); err != nil {
		return cli.Scanned{}, err
	}
	dir, err := os.MkdirTemp("", "fairlead-scan-")
	if err != nil {
		return cli.Scanned{}, &fairlead.Problem{Op: "scan", Kind: fairlead.KindUnavailable, Err: err, Hint: "TMPDIR names a directory with room for a copy of the files"}
	}
	defer os.RemoveAll(dir)
	job, err := s.job(ctx, q, dir)
	if err != nil {
		return cli.Scanned{}, err
	}
	if job.Reports, err = reports(q); err != nil {
		return cli.Scanned{}, err
	}
	runner := s.runner(dir)
	runner.Said = func(r scan.Result) { said(engineOf(r)) }
	results, err := runner.Run(ctx, job)
	if err != nil {
		return cli.Scanned{}, err
	}
	out := conclude(job, results)
	if q.SARIF != "" {
		err = writeSARIF(q.SARIF, out.Findings)
	}
	return out, err
}

// reports finds the files that other scanners reported into.
func reports(q cli.ScanQuery) ([]string, error) {
	const op = "read report"
	if len(q.From) == 0 && slices.Contains(q.Only, scan.External) {
		return nil, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: errors.New("there is none"), Hint: "--only external goes with --from FILE"}
	}
	var out []string
	for _, name := range q.From {
		path, err := filepath.Abs(name)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		var info os.FileInfo
		if err == nil {
			info, err = os.Stat(path)
		}
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New(name + " is no file")
		}
		if err != nil {
			return nil, &fairlead.Problem{Op: op, Kind: fairlead.KindInvalid, Err: err, Hint: "--from names files that other scanners have written"}
		}
		out = append(out, path)
	}
	return out, nil
}

// runner runs engines in child processes, with copies and scratch in dir.
func (s scanner) runner(dir string) scan.Runner {
	return scan.Runner{
		Types: stepall.Types(), Dir: dir, Output: s.detail(),
		Confine: func(ctx context.Context, t step.Type, in step.In) (step.Out, error) {
			return confine.Run(ctx, confine.Self, t, in)
		},
	}
}

// detail is where the engines' own output goes: nowhere, unless -v asks for it.
func (s scanner) detail() interface{ Write([]byte) (int, error) } {
	if s.set.Verbose {
		return s.err
	}
	return discard{}
}

type discard struct{}

// Write forgets what it is given.
func (discard) Write(p []byte) (int, error) { return len(p), nil }

// tree finds the files below a directory, the commit they are based on, and the
// database.
func (s scanner) tree(ctx context.Context, q cli.ScanQuery, dir string) (scan.Job, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return scan.Job{}, &fairlead.Problem{Op: "scan", Kind: fairlead.KindInvalid, Err: err, Hint: "name a directory"}
	}
	j := scan.Job{Source: scan.Source{Dir: dir}, Service: filepath.Base(dir), Only: q.Only, Limit: engineLimit}
	if !q.Ignored {
		files, known, err := worktree.Listed(ctx, dir)
		if err != nil {
			return j, err
		}
		if known {
			j.Source.Files = files
		}
	}
	state, environment := s.set.State, ""
	if repo, err := worktree.Open(ctx, dir); err == nil {
		own := filepath.Join(repo.Root(), ".fairlead")
		state = cmp.Or(state, own)
		j.Event, _ = repo.Event(ctx, worktree.Query{Type: fairlead.EventManual, Commit: "HEAD", Trigger: who()})
		j.Hide = existing([]string{own})
		if p, _, err := (planner{set: cli.Settings{Dir: dir}}).Plan(ctx, cli.PlanQuery{Event: string(fairlead.EventPush)}); err == nil {
			j.Service, environment = p.Service, p.Environment
		}
	}
	if j.Settings, err = configured(q, dir, environment); err != nil {
		return j, err
	}
	j.Cache = s.cache(dir)
	j.Advisories, err = s.advisories(state)
	return j, err
}

// cache is where scans of a directory keep what makes later ones faster, in the
// user's cache directory; "" when there is none.
func (s scanner) cache(dir string) string {
	base := s.env["XDG_CACHE_HOME"]
	if !filepath.IsAbs(base) {
		if base = s.env["HOME"]; !filepath.IsAbs(base) {
			return ""
		}
		base = filepath.Join(base, ".cache")
	}
	path := filepath.Join(base, "fairlead", "scan", fairlead.DigestBytes([]byte(dir)).Short())
	if os.MkdirAll(path, 0o700) != nil {
		return "" // a home that is read-only
	}
	return path
}

// existing leaves the directories that are there.
func existing(dirs []string) []string {
	var out []string
	for _, d := range dirs {
		if info, err := os.Stat(d); err == nil && info.IsDir() {
			out = append(out, d)
		}
	}
	return out
}

// advisories finds the database of vulnerabilities: the one that is named, or
// the one in the state directory; "" when there is none. One that is named and
// not there is KindInvalid.
func (s scanner) advisories(state string) (string, error) {
	path := cmp.Or(s.set.VulnDB, s.env["FAIRLEAD_VULNDB"])
	if path == "" {
		path = filepath.Join(state, "vulndb.sqlite")
		if _, err := os.Stat(path); state == "" || errors.Is(err, os.ErrNotExist) {
			return "", nil
		}
	}
	abs, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(abs)
	}
	if err != nil {
		return "", &fairlead.Problem{Op: "open vulnerability database", Kind: fairlead.KindInvalid, Err: err, Hint: "`fairlead vulndb import` makes one"}
	}
	return abs, nil
}

// conclude merges what the engines found and says by when it is due.
func conclude(j scan.Job, results []scan.Result) cli.Scanned {
	now := time.Now().UTC()
	sc := triage.Scan{Service: j.Service, Commit: j.Event.Commit, Time: now}
	out := cli.Scanned{Path: j.Subject, Service: j.Service, Commit: j.Event.Commit, Engines: []cli.Engine{}, Findings: []fairlead.Tracked{}}
	for _, r := range results {
		out.Engines = append(out.Engines, engineOf(r))
		sc.Findings = append(sc.Findings, r.Found()...)
		out.Advisories = cmp.Or(out.Advisories, r.Advisories)
	}
	after, _ := triage.Update(nil, sc, fairlead.DefaultClock())
	out.Findings = append(out.Findings, triage.Standing(after)...)
	out.Summary = summary(out.Findings, now)
	out.Lines = append(record.FindingLines(out.Findings, now), summaryLines(out, now)...)
	return out
}

func engineOf(r scan.Result) cli.Engine {
	return cli.Engine{Name: r.Engine, Type: r.Type, Version: r.Version, Result: r.Result, Reason: r.Reason, Findings: r.Findings, Seconds: r.Seconds}
}

// summary counts findings by severity.
func summary(all []fairlead.Tracked, now time.Time) []cli.SeverityCount {
	var out []cli.SeverityCount
	for _, sev := range record.Severities() {
		n := cli.SeverityCount{Severity: sev}
		var due time.Time
		for _, t := range all {
			switch {
			case record.SeverityOf(t.Finding) != sev:
			case t.Exception != "":
				n.Excused++
			default:
				n.Count++
				if t.Overdue(now) {
					n.Overdue++
				}
				if due.IsZero() || t.Due.Before(due) {
					due = t.Due
				}
			}
		}
		if !due.IsZero() {
			n.Due = due.UTC().Format(time.RFC3339)
		}
		out = append(out, n)
	}
	return out
}

// summaryLines is the end of what people read.
func summaryLines(s cli.Scanned, now time.Time) []string {
	var lines []string
	if len(s.Findings) > 0 {
		lines = append(lines, "", fmt.Sprintf("%-9s %7s %8s %8s  %s", "severity", "count", "overdue", "excused", "first due"))
		for _, n := range s.Summary {
			if n.Count+n.Excused > 0 {
				lines = append(lines, fmt.Sprintf("%-9s %7d %8d %8d  %s", n.Severity, n.Count, n.Overdue, n.Excused, n.Due))
			}
		}
	}
	end := fmt.Sprintf("%s: %d findings", s.Path, len(s.Findings))
	if s.Advisories != nil {
		end += fmt.Sprintf("; vulnerabilities known until %s (%d days ago), database %s", s.Advisories.Time.UTC().Format(time.DateOnly),
			int(now.Sub(s.Advisories.Time).Hours()/24), s.Advisories.Digest.Short())
	}
	return append(lines, end)
}

// placeable tells before the work whether a report can be written there: nobody
// wants to learn of it minutes later. "" is no report.
func placeable(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		err = errors.New(path + " is a directory")
	case errors.Is(err, os.ErrNotExist):
		_, err = os.Stat(filepath.Dir(path))
	}
	if err != nil {
		return &fairlead.Problem{Op: "write SARIF", Kind: fairlead.KindInvalid, Err: err, Hint: "--sarif names a file in a directory that you may write to"}
	}
	return nil
}

func writeSARIF(path string, all []fairlead.Tracked) error {
	b, err := record.SARIF(all)
	if err == nil {
		err = os.WriteFile(path, b, 0o644) //nolint:gosec // a report, for whoever may read the directory
	}
	var p *fairlead.Problem
	if err != nil && !errors.As(err, &p) {
		return &fairlead.Problem{Op: "write SARIF", Kind: fairlead.KindInvalid, Err: err, Hint: "--sarif names a file in a directory that you may write to"}
	}
	return err
}
