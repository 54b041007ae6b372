package sca

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/reach"
	"fairlead.dev/vulndb"
)

// near knows how near the vulnerabilities are.
type near struct {
	modules map[string]reach.Report // by directory of the go.mod
	unused  map[string]bool         // npm packages that no file of the source names and no other package needs
	dev     map[string]bool         // purls that are for development only
}

// order of reachabilities from the nearest; what is not known may be near.
var order = []fairlead.Reachability{
	fairlead.ReachableCalled, fairlead.ReachableImported, fairlead.ReachableUnknown, fairlead.ReachableRequired, fairlead.ReachableUnused,
}

func nearness(r fairlead.Reachability) int { return slices.Index(order, r) }

// alone gives the purls of npm packages that no other package needs. There are
// none unless the document says of all of them what they need.
func alone(d cyclonedx.Document) map[string]bool {
	out, needed := map[string]bool{}, map[string]bool{}
	var packages []cyclonedx.Component
	for _, c := range d.Components {
		if !strings.HasPrefix(c.PURL, "pkg:npm/") {
			continue
		}
		if d.Known[c.Identity()] != cyclonedx.Complete {
			return out
		}
		packages = append(packages, c)
		for _, ref := range c.DependsOn {
			needed[ref] = true
		}
	}
	for _, c := range packages {
		out[c.PURL] = !needed[c.Identity()]
	}
	return out
}

// nearness finds out how near what was matched is.
func (s *scan) nearness(ctx context.Context) near {
	n := near{modules: map[string]reach.Report{}, unused: map[string]bool{}, dev: map[string]bool{}}
	modules := map[string][]string{} // record ids by directory
	var packages []string
	for _, m := range s.matches.Found {
		p := s.parts[m.Component.PURL]
		n.dev[m.Component.PURL] = p.Component.Dev
		switch {
		case m.Package.Ecosystem == "Go":
			for _, at := range p.Places {
				if path.Base(at.Path) == "go.mod" {
					modules[path.Dir(at.Path)] = append(modules[path.Dir(at.Path)], m.Records...)
				}
			}
		case m.Package.Ecosystem == "npm" && p.Component.Direct && s.alone[m.Component.PURL]:
			packages = append(packages, m.Package.Name)
		}
	}
	if !s.config.Reachability {
		return n
	}
	for _, dir := range slices.Sorted(maps.Keys(modules)) {
		report, err := s.analyse(ctx, dir, modules[dir])
		if err != nil {
			s.cannotTell(path.Join(dir, "go.mod"), err)
			continue
		}
		n.modules[dir] = report
		s.reachable += len(report.Levels)
	}
	n.unused = s.unreferenced(packages)
	return n
}

// cannotTell says of a module that the analysis of what it calls failed.
func (s *scan) cannotTell(gomod string, err error) {
	why := fmt.Sprintf("%s: what is called is not known: %v", gomod, err)
	fmt.Fprintln(s.in.Output, why)
	if strings.Contains(why, "/cache/download/") || strings.Contains(why, "GOPROXY=off") {
		why = gomod + ": what is called is not known: modules are missing from the module cache, `go mod download` fetches them"
	}
	s.blind = append(s.blind, why)
}

// of tells how near a match in a place, "" when none is known, is, and adds to the message where it is called.
func (n near) of(m vulndb.Match, place, message string) (fairlead.Reachability, string) {
	switch {
	case n.dev[m.Component.PURL], m.Package.Ecosystem == "npm" && n.unused[m.Package.Name]:
		return fairlead.ReachableUnused, message
	case m.Package.Ecosystem != "Go" || place == "":
		return fairlead.ReachableUnknown, message
	}
	report, ok := n.modules[path.Dir(place)]
	if !ok {
		return fairlead.ReachableUnknown, message
	}
	best := reach.Level{Reachability: fairlead.ReachableUnused}
	for _, id := range m.Records {
		if l, ok := report.Levels[id]; ok && nearness(l.Reachability) < nearness(best.Reachability) {
			best = l
		}
	}
	switch {
	case !slices.ContainsFunc(report.Modules, func(path string) bool { return strings.EqualFold(path, m.Package.Name) }):
		return fairlead.ReachableRequired, message // no package of it is part of the program
	// What a record does not list may be called without anybody seeing it, and
	// the analysis may have seen another version than the bill of materials has.
	case m.Imports == nil, best.Reachability == fairlead.ReachableUnused:
		return fairlead.ReachableUnknown, message
	case best.Location.Path != "":
		message += fmt.Sprintf("; called at %s:%d by %s", path.Join(path.Dir(place), best.Location.Path), best.Location.Line, best.Caller)
	}
	return best.Reachability, message
}

// maxSource is the largest file that is searched for names of packages, in bytes.
const maxSource = 4 << 20

// unreferenced gives those of the packages that no file names in quotation
// marks or in a path, apart from the manifests themselves. A name in any file,
// even a configuration, counts as a reference.
func (s *scan) unreferenced(packages []string) map[string]bool {
	out := map[string]bool{}
	for _, p := range packages {
		out[p] = true
	}
	if len(out) == 0 {
		return out
	}
	err := fs.WalkDir(s.root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch base := path.Base(p); {
		case err != nil:
			return err
		case d.IsDir() && (base == ".git" || base == "node_modules"):
			return fs.SkipDir
		case !d.Type().IsRegular() || base == "package-lock.json" || base == "yarn.lock" || base == "pnpm-lock.yaml" || p == s.config.SBOM:
			return nil
		}
		return s.strike(out, p)
	})
	if err != nil {
		return map[string]bool{} // what was not read may name anything
	}
	return out
}

// strike takes out of the list what a file names.
func (s *scan) strike(list map[string]bool, p string) error {
	f, err := s.root.Open(p)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSource+1))
	if err != nil {
		return err
	}
	if len(b) > maxSource {
		return fmt.Errorf("%s is too large to be searched", p)
	}
	for name := range list {
		want := 1
		if path.Base(p) == "package.json" {
			want = 2 // once as a dependency; again only in a script or a setting
		}
		if bytes.Count(b, []byte(name)) >= want {
			delete(list, name)
		}
	}
	return nil
}
