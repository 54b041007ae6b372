package licences

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"fairlead.dev"
	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/licence"
	"fairlead.dev/step"
)

// The rules of the findings.
const (
	ruleDenied  = "licence-denied"
	ruleAsked   = "licence-ask"
	ruleUnknown = "licence-unknown"
)

// scan is one judgement on its way.
type scan struct {
	in     step.In
	config Config
	root   *os.Root
	finder *licence.Finder

	findings []fairlead.Finding
	noted    []licence.Noted
	licences map[string]int // components by expression; "" is unknown
	judged   int
}

// subject is what has a licence: a component, or files that were copied in.
type subject struct {
	component fairlead.Component
	identity  string // without version
	places    []fairlead.Location
}

// components judges what the document lists.
func (s *scan) components(ctx context.Context, d cyclonedx.Document) error {
	s.licences = map[string]int{}
	direct := map[string]bool{}
	for _, ref := range d.Root.DependsOn {
		direct[ref] = true
	}
	for _, c := range d.Components {
		if err := ctx.Err(); err != nil {
			return problem(fairlead.KindCancelled, "", err)
		}
		dev := c.Scope == cyclonedx.ScopeExcluded
		if c.Type == "file" || dev && !s.config.Dev {
			continue
		}
		name := c.Name
		if c.Group != "" && !strings.HasPrefix(name, c.Group+"/") {
			name = c.Group + "/" + name
		}
		of := subject{component: fairlead.Component{
			PURL: c.PURL, Name: name, Version: c.Version, Dev: dev, Direct: direct[c.Identity()],
			Layer: c.Property(cyclonedx.PropertyLayer), Base: c.Property(cyclonedx.PropertyBase) == "true",
		}, identity: cmp.Or(unversioned(c.PURL), name)}
		for _, o := range c.Found {
			of.places = append(of.places, fairlead.Location{Path: o.Path, Line: o.Line})
		}
		found := s.finder.Find(c)
		if found.Own {
			continue
		}
		s.noted = append(s.noted, licence.Noted{Name: name, Version: c.Version, Found: found})
		s.judge(of, found)
	}
	return nil
}

// unversioned is a purl without version, qualifiers and subpath.
func unversioned(purl string) string {
	purl, _, _ = strings.Cut(purl, "#")
	purl, _, _ = strings.Cut(purl, "?")
	if i := strings.LastIndex(purl, "@"); i > strings.LastIndex(purl, "/") {
		return purl[:i]
	}
	return purl
}

// visit judges licence files of the source that belong to no component: code
// that was copied in. Those at the top of the source, or beside a manifest, are
// the project's own.
func (s *scan) visit(ctx context.Context) fs.WalkDirFunc {
	return func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return problem(fairlead.KindCancelled, "", ctx.Err())
		case !d.IsDir(), p == ".":
			return nil
		case slices.Contains([]string{".git", "vendor", "node_modules", "testdata"}, d.Name()), s.excluded(p):
			return fs.SkipDir
		}
		texts := slices.DeleteFunc(licence.TextsIn(s.root.FS(), p), func(t licence.Text) bool { return s.excluded(path.Join(p, t.Path)) })
		if !slices.ContainsFunc(texts, func(t licence.Text) bool { return !t.Notice }) || s.own(p) {
			return nil
		}
		of := subject{component: fairlead.Component{Name: p + "/"}, identity: p + "/"}
		for _, t := range texts {
			of.places = append(of.places, fairlead.Location{Path: path.Join(p, t.Path)})
		}
		found := s.finder.Judge(texts, p, "")
		s.noted = append(s.noted, licence.Noted{Name: p + "/", Found: found})
		s.judge(of, found)
		return nil
	}
}

func (s *scan) excluded(p string) bool {
	return slices.ContainsFunc(s.config.Exclude, func(g string) bool { return doublestar.MatchUnvalidated(g, p) })
}

// own tells whether a directory is that of a part of the project.
func (s *scan) own(dir string) bool {
	return slices.ContainsFunc([]string{"go.mod", "package.json", "pyproject.toml", "setup.py", "Cargo.toml", "pom.xml", "composer.json", "Gemfile"}, func(name string) bool {
		_, err := s.root.Lstat(path.Join(dir, name))
		return err == nil
	})
}

// judge makes a finding of what the policy does not allow.
func (s *scan) judge(of subject, found licence.Found) {
	s.judged++
	text := ""
	own, organisation := s.config.policies()
	mine, theirs := own.JudgeUnknown(), organisation.JudgeUnknown()
	because := []string{}
	if found.Known {
		text = found.Expression.String()
		mine, because = own.Judge(found.Expression)
		var why []string
		if theirs, why = organisation.Judge(found.Expression); licence.Strictest(theirs, mine) != mine {
			because = why
		}
	}
	s.licences[text]++
	verdict, whose := licence.Strictest(mine, theirs), "the policy"
	if verdict != mine {
		whose = "the organisation's policy"
	}
	if verdict == licence.Allow {
		return
	}
	f := fairlead.Finding{
		Category: fairlead.CategoryLicence, Tool: Name, ToolVersion: licence.Version(), SeveritySource: "policy",
		Rule: ruleOf(verdict, found.Known), Severity: fairlead.SeverityLow, Component: of.component,
		Message: message(of, found, verdict, whose, because), Fix: fix(verdict, found),
	}
	if verdict == licence.Deny {
		f.Severity = fairlead.SeverityHigh
	}
	f.Fingerprint = fairlead.Fingerprint(fairlead.CategoryLicence, f.Rule, of.identity, text)
	for i, at := range of.places {
		if i == 0 {
			f.Location = at
		} else if at != f.Location && !slices.Contains(f.Further, at) {
			f.Further = append(f.Further, at)
		}
	}
	s.add(f)
}

// add takes a finding in; two versions of a component are one.
func (s *scan) add(f fairlead.Finding) {
	i := slices.IndexFunc(s.findings, func(o fairlead.Finding) bool { return o.Fingerprint == f.Fingerprint })
	if i < 0 {
		s.findings = append(s.findings, f)
		return
	}
	old := &s.findings[i]
	if f.Component.Version != "" && !strings.Contains(old.Message, f.Component.Version) {
		old.Message += "; so is " + f.Component.Version
	}
	old.Component.Dev, old.Component.Direct = old.Component.Dev && f.Component.Dev, old.Component.Direct || f.Component.Direct
	for _, at := range append([]fairlead.Location{f.Location}, f.Further...) {
		if at != old.Location && !slices.Contains(old.Further, at) {
			old.Further = append(old.Further, at)
		}
	}
}

func ruleOf(v licence.Verdict, known bool) string {
	switch {
	case v == licence.Deny:
		return ruleDenied
	case known:
		return ruleAsked
	default:
		return ruleUnknown
	}
}

func message(of subject, found licence.Found, v licence.Verdict, whose string, because []string) string {
	name := strings.TrimSpace(of.component.Name + " " + of.component.Version)
	what := "asks that somebody judges it"
	if v == licence.Deny {
		what = "denies it"
	}
	if !found.Known {
		return fmt.Sprintf("nobody says under what licence %s is: %s; %s %s", name, found.Why, whose, what)
	}
	var all []string
	for _, id := range because {
		all = append(all, fmt.Sprintf("%s is %s", id, licence.ClassOf(id)))
	}
	return fmt.Sprintf("%s is under %s (%s): %s %s", name, found.Expression, strings.Join(all, ", "), whose, what)
}

func fix(v licence.Verdict, found licence.Found) string {
	const exception = "let another person approve an exception: `fairlead exception request`"
	switch {
	case v == licence.Deny && found.Known:
		return "use another component, or " + exception
	case !found.Known:
		return "find its licence out, and then " + exception
	}
	return "name the licence under licences.allow when it may be used, or " + exception
}

// notices keeps the notices of everything that was judged.
func (s *scan) notices(ctx context.Context, about string) ([]fairlead.Artifact, error) {
	if !s.config.Notices {
		return nil, nil
	}
	var b bytes.Buffer
	if err := licence.WriteNotices(&b, about, s.noted); err != nil {
		return nil, problem(fairlead.KindInternal, "", err)
	}
	digest, size, err := s.in.Blobs.Put(ctx, &b)
	if err != nil {
		return nil, err
	}
	return []fairlead.Artifact{{Name: NoticesName, Digest: digest, Size: size, Mode: 0o644}}, nil
}
