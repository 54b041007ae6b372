package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"fairlead.dev"
	"fairlead.dev/cli"
	"fairlead.dev/evidence"
	"fairlead.dev/exposure"
	"fairlead.dev/intake/worktree"
	"fairlead.dev/purl"
	"fairlead.dev/record"
	"fairlead.dev/reevaluate"
	"fairlead.dev/store"
	"fairlead.dev/vulndb"
)

// vulndb gives the file of the database of vulnerabilities.
func (v variables) vulndb(h home, s cli.Settings) string {
	for _, path := range []string{s.VulnDB, v["FAIRLEAD_VULNDB"]} {
		if path == "" {
			continue
		}
		if abs, err := filepath.Abs(path); err == nil {
			return abs
		}
		return path
	}
	return filepath.Join(h.root, "vulndb.sqlite")
}

// advisories gives tasks the database as it is when they start.
func advisories(path string) func(context.Context) (string, fairlead.Digest, error) {
	return func(ctx context.Context) (string, fairlead.Digest, error) {
		db, err := vulndb.Open(ctx, path)
		if fairlead.KindOf(err) == fairlead.KindNotFound {
			return "", "", nil
		}
		if err != nil {
			return "", "", err
		}
		defer func() { _ = db.Close() }()
		state, err := db.State(ctx)
		return path, state.Digest, err
	}
}

// vulnerabilities are the commands about the database.
type vulnerabilities struct {
	*wiring
	set cli.Settings
}

// feeds are what sync fetches when nothing else is said.
func feeds() []string {
	var out []string
	for _, ecosystem := range []string{"Go", "npm", "PyPI", "Maven", "crates.io", "RubyGems", "NuGet", "Packagist"} {
		out = append(out, "https://osv-vulnerabilities.storage.googleapis.com/"+ecosystem+"/all.zip")
	}
	return append(out, "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json")
}

// file gives where the database is, and makes the directory it is in.
func (v vulnerabilities) file(ctx context.Context) (string, error) {
	if v.set.VulnDB != "" || v.env["FAIRLEAD_VULNDB"] != "" {
		return v.env.vulndb(home{}, v.set), nil
	}
	h, err := openHome(ctx, v.set)
	return v.env.vulndb(h, v.set), err
}

func (v vulnerabilities) Import(ctx context.Context, q cli.ImportQuery) (cli.View, error) {
	if q.Name != "" && len(q.Paths) > 1 {
		return cli.View{}, &fairlead.Problem{
			Op: "read command line", Kind: fairlead.KindInvalid, Err: errors.New("--name is for one PATH"), Hint: "import the others by commands of their own",
		}
	}
	var inputs []vulndb.Input
	for _, p := range q.Paths {
		inputs = append(inputs, vulndb.Input{Path: p, Name: q.Name, Licence: q.Licence, Shrink: q.Shrink})
	}
	return v.take(ctx, inputs)
}

func (v vulnerabilities) Sync(ctx context.Context, q cli.SyncQuery) (cli.View, error) {
	if len(q.Addresses) == 0 {
		q.Addresses = feeds()
	}
	dir, err := os.MkdirTemp("", "fairlead-sync-")
	if err != nil {
		return cli.View{}, &fairlead.Problem{Op: "sync vulnerability database", Kind: fairlead.KindUnavailable, Err: err}
	}
	defer os.RemoveAll(dir)
	inputs, err := vulndb.Download(ctx, dir, q.Mirror, q.Addresses)
	if err != nil {
		return cli.View{}, err
	}
	for i := range inputs {
		inputs[i].Shrink = q.Shrink
	}
	return v.take(ctx, inputs)
}

// take imports, and looks who is affected by what is new.
func (v vulnerabilities) take(ctx context.Context, inputs []vulndb.Input) (cli.View, error) {
	file, err := v.file(ctx)
	if err != nil {
		return cli.View{}, err
	}
	change, err := vulndb.Import(ctx, file, time.Now().UTC(), inputs...)
	if err != nil {
		return cli.View{}, err
	}
	var lines []string
	for _, s := range change.Sources {
		lines = append(lines, fmt.Sprintf("%s: %d records of %s", s.Name, s.Records, s.Snapshot.Format(time.DateOnly)))
	}
	for _, p := range change.Passed {
		lines = append(lines, fmt.Sprintf("%s: %d files are no records, and were passed over", p.Path, p.Files))
	}
	lines = append(lines, fmt.Sprintf("%d added, %d changed, %d removed; database %s",
		len(change.Added), len(change.Changed), len(change.Removed), change.After.Short()))
	affected, flips, err := v.evaluate(ctx, file, change.Packages)
	if err != nil {
		return cli.View{}, err
	}
	for _, x := range affected.Affected {
		lines = append(lines, "now affected: "+exposed(x))
	}
	for _, x := range affected.Cleared {
		lines = append(lines, "no longer affected: "+exposed(x))
	}
	if n := len(affected.Findings); n > 0 {
		lines = append(lines, fmt.Sprintf("%d findings opened, changed or fixed: `fairlead findings list` has their due dates", n))
	}
	for _, f := range flips {
		lines = append(lines, flipLine(f))
	}
	return cli.View{Lines: lines, Data: struct {
		vulndb.Change
		Releases exposure.Change   `json:"releases"`
		Decided  []reevaluate.Flip `json:"decided"` // otherwise than before
	}{change, affected, flips}}, nil
}

func exposed(x fairlead.Exposure) string { return record.ExposureLines([]fairlead.Exposure{x})[0] }

// evaluate looks who is affected by what is said about packages now. Without a
// repository and without a store nothing runs that could be.
func (v vulnerabilities) evaluate(ctx context.Context, file string, packages []purl.Key) (exposure.Change, []reevaluate.Flip, error) {
	none := exposure.Change{Affected: []fairlead.Exposure{}, Cleared: []fairlead.Exposure{}, Findings: []fairlead.Tracked{}}
	if _, err := worktree.Open(ctx, v.set.Dir); err != nil && v.set.State == "" {
		return none, []reevaluate.Flip{}, nil //nolint:nilerr // a database by itself, such as on the machine that fetches it
	}
	h, err := openHome(ctx, v.set)
	if err != nil {
		return none, nil, err
	}
	key, err := evidence.OpenKey(h.keys())
	if err != nil {
		return none, nil, err
	}
	ours, _ := h.databases(v.set, v.env)
	db, err := store.Open(ctx, ours)
	if err != nil {
		return none, nil, err
	}
	defer func() { _ = db.Close() }()
	known, err := vulndb.Open(ctx, file)
	if err != nil {
		return none, nil, err
	}
	defer known.Close()
	before, err := db.Exposures(ctx)
	if err != nil {
		return none, nil, err
	}
	e, err := lookout{db, evidence.TrustKeys(key.Public()), file}.evaluator(ctx, known)
	if err != nil {
		return none, nil, err
	}
	change, err := e.Evaluate(ctx, packages)
	if err != nil {
		return none, nil, err
	}
	flips, err := v.redecide(ctx, h, db, key.Public(), before, change, e.Now)
	return change, flips, err
}

func (v vulnerabilities) Affected(ctx context.Context) (cli.View, error) {
	file, err := v.file(ctx)
	if err != nil {
		return cli.View{}, err
	}
	if _, _, err := v.evaluate(ctx, file, nil); err != nil { // releases that came since the last import
		return cli.View{}, err
	}
	h, err := openHome(ctx, v.set)
	if err != nil {
		return cli.View{}, err
	}
	ours, _ := h.databases(v.set, v.env)
	db, err := store.Open(ctx, ours)
	if err != nil {
		return cli.View{}, err
	}
	defer func() { _ = db.Close() }()
	all, err := db.Exposures(ctx)
	if err != nil {
		return cli.View{}, err
	}
	lines := []string{}
	for _, x := range all {
		lines = append(lines, exposed(x)+", known since "+x.Since.Format(time.DateTime))
	}
	if len(all) == 0 {
		lines, all = []string{"no running release is known to be affected"}, []fairlead.Exposure{}
	}
	return cli.View{Lines: lines, Data: all}, nil
}

func (v vulnerabilities) Status(ctx context.Context, longest time.Duration) (cli.View, error) {
	file, err := v.file(ctx)
	if err != nil {
		return cli.View{}, err
	}
	db, err := vulndb.Open(ctx, file)
	if err != nil {
		return cli.View{}, err
	}
	defer func() { _ = db.Close() }()
	state, err := db.State(ctx)
	if err != nil {
		return cli.View{}, err
	}
	now := time.Now()
	type aged struct {
		vulndb.State
		Warnings []string `json:"warnings"`
	}
	data := aged{State: state, Warnings: []string{}}
	lines := []string{fmt.Sprintf("%s: %d advisories about %d packages, digest %s", file, state.Advisories, state.Packages, state.Digest.Short())}
	for _, s := range state.Sources {
		age := now.Sub(s.Snapshot)
		line := fmt.Sprintf("%-12s %-9s %8d records of %s", s.Name, s.Kind, s.Records, s.Snapshot.Format(time.DateOnly))
		if s.Licence != "" {
			line += ", " + s.Licence
		}
		lines = append(lines, line)
		if s.Ages() && age > longest {
			data.Warnings = append(data.Warnings, fmt.Sprintf("%s is %d days old: what came later is not known", s.Name, int(age.Hours()/24)))
		}
	}
	for _, w := range data.Warnings {
		lines = append(lines, "warning: "+w)
	}
	return cli.View{Lines: lines, Data: data}, nil
}

func (v vulnerabilities) Export(ctx context.Context, to string) (cli.View, error) {
	file, err := v.file(ctx)
	if err != nil {
		return cli.View{}, err
	}
	if err := vulndb.Export(ctx, file, to); err != nil {
		return cli.View{}, err
	}
	return cli.View{Lines: []string{"wrote " + to}, Data: map[string]string{"file": to}}, nil
}
