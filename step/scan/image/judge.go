package image

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"fairlead.dev"
	"fairlead.dev/credential"
	containers "fairlead.dev/image"
	"fairlead.dev/inventory"
)

const (
	// mostSecretFile is how much of a file is searched for secrets, in bytes.
	mostSecretFile = 4 << 20
	// mostSecrets is how many places of secrets are told of.
	mostSecrets = 10_000
	// environment is the place of what the image sets for its processes.
	environment = "(environment)"
)

// sighting is a secret in a layer.
type sighting struct {
	credential.Hit
	path  string
	layer int // -1: in the configuration
}

// look searches a file of a layer for secrets. What no file can hold as text is
// passed over.
func (s *scan) look(ctx context.Context) func(containers.File, []byte) error {
	return func(f containers.File, content []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(content) == 0 {
			return nil
		}
		if f.Size > int64(len(content)) && !credential.Binary(content) {
			s.long = append(s.long, f.Path)
		}
		for _, h := range s.finder.Find(ctx, f.Path, content) {
			if len(s.secrets) >= mostSecrets {
				s.dropped++
				continue
			}
			s.secrets = append(s.secrets, sighting{h, f.Path, f.Layer})
		}
		return nil
	}
}

// judge makes findings of what was seen, sorted.
func (s *scan) judge(ctx context.Context, tree *containers.Tree) {
	if s.config.Secrets {
		for _, h := range s.finder.Find(ctx, ".env", []byte(strings.Join(s.image.Env, "\n"))) {
			s.secrets = append(s.secrets, sighting{h, environment, -1})
		}
		s.tellSecrets()
	}
	if s.config.Settings {
		s.settings()
		for _, f := range tree.Files() {
			if f.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
				s.setuid(f)
			}
		}
	}
}

// tellSecrets makes one finding of each value.
func (s *scan) tellSecrets() {
	slices.SortFunc(s.secrets, func(a, b sighting) int {
		return cmp.Or(cmp.Compare(a.layer, b.layer), cmp.Compare(a.path, b.path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule))
	})
	prints, at := map[string]string{}, map[string]int{}
	for _, x := range s.secrets {
		print := s.fingerprint(prints, x)
		place := fairlead.Location{Path: x.path, Line: x.Line, Column: x.Column}
		if i, again := at[print]; again {
			f := &s.findings[i]
			if place != f.Location && !slices.Contains(f.Further, place) && len(f.Further) < 100 {
				f.Further = append(f.Further, place)
			}
			continue
		}
		at[print] = len(s.findings)
		f := s.finding(fairlead.CategorySecret, x.Rule, x.layer)
		f.Fingerprint, f.Severity, f.CWE, f.Location, f.Fix = print, x.Severity, []string{"CWE-798"}, place, x.Fix
		f.ToolVersion = "gitleaks " + credential.Version() + ", fairlead " + version
		f.Message = x.Message + ", " + s.where(x.layer)
		f.Resource = s.resource(x.layer)
		s.findings = append(s.findings, f)
	}
}

func (s *scan) fingerprint(made map[string]string, x sighting) string {
	if x.Value == "" {
		return fairlead.Fingerprint(fairlead.CategorySecret, "file", x.Rule, "image", x.path)
	}
	if _, ok := made[x.Value]; !ok {
		made[x.Value] = credential.Fingerprint(s.config.Salt, x.Value)
	}
	return made[x.Value]
}

// where says in words which layer something is in.
func (s *scan) where(n int) string {
	if n < 0 {
		return "in the image's configuration"
	}
	switch s.image.Layers[n].Origin {
	case containers.OriginBase:
		return "in a layer of the base image"
	case containers.OriginOwn:
		return "in a layer of its own"
	}
	return "in a layer that may be of the base image or its own"
}

func (s *scan) resource(n int) string {
	if n < 0 {
		return "configuration"
	}
	return "layer " + string(s.image.Layers[n].Digest)
}

// finding begins a finding about a layer, or about the configuration when n is
// negative.
func (s *scan) finding(c fairlead.Category, rule string, n int, parts ...string) fairlead.Finding {
	f := fairlead.Finding{
		Fingerprint: fairlead.Fingerprint(c, append([]string{rule, s.in.Service}, parts...)...),
		Category:    c, Rule: rule, Tool: Name, ToolVersion: "fairlead " + version, SeveritySource: "rule",
		Severity: fairlead.SeverityMedium,
	}
	if n >= 0 {
		l := s.image.Layers[n]
		f.Component.Layer, f.Component.Base = string(l.Digest), l.Origin == containers.OriginBase
	}
	return f
}

// settings judges what the configuration says.
func (s *scan) settings() {
	user, _, _ := strings.Cut(s.image.User, ":")
	if user == "" || user == "root" || strings.Trim(user, "0") == "" {
		f := s.finding(fairlead.CategoryImage, "image-root-user", -1)
		f.CWE, f.Message, f.Resource = []string{"CWE-250"}, "its process runs as root", "configuration"
		f.Fix = "create a user and name it with USER, by number so that a cluster can check it"
		s.findings = append(s.findings, f)
	}
	if name := s.image.Name; name != "" && latest(name) {
		f := s.finding(fairlead.CategoryImage, "image-latest-tag", -1)
		f.Severity, f.Message, f.Resource = fairlead.SeverityLow, "it is named "+name+": that tag means another image tomorrow", "configuration"
		f.Fix = "tag it with a version, and deploy it by digest"
		s.findings = append(s.findings, f)
	}
	if !s.image.Healthy {
		f := s.finding(fairlead.CategoryImage, "image-no-healthcheck", -1)
		f.Severity, f.Message, f.Resource = fairlead.SeverityLow, "hint: it has no health check", "configuration"
		f.Fix = "add HEALTHCHECK, unless what runs it checks its health, as Kubernetes does"
		s.findings = append(s.findings, f)
	}
}

// latest tells whether a reference has no tag, or that of whatever is newest.
func latest(name string) bool {
	if strings.Contains(name, "@") {
		return false
	}
	_, tag, ok := strings.Cut(name[strings.LastIndex(name, "/")+1:], ":")
	return !ok || tag == "latest"
}

// setuid tells of a file whose process gets the rights of its owner.
func (s *scan) setuid(file containers.File) {
	f := s.finding(fairlead.CategoryImage, "image-setuid-file", file.Layer, file.Path)
	f.CWE = []string{"CWE-250"}
	f.Location.Path = file.Path
	f.Message = "whoever runs it gets the rights of its owner, " + s.where(file.Layer)
	f.Resource = s.resource(file.Layer)
	f.Fix = "chmod a-s it where the image is built, unless it is needed"
	if f.Component.Base {
		f.Severity = fairlead.SeverityLow
	}
	s.findings = append(s.findings, f)
}

// unread tells of what is missing in the bill of materials, and of entries that
// no honest image has.
func (s *scan) unread(all []inventory.Unreadable, tree *containers.Tree) {
	unsafe := map[string]bool{}
	refused, _ := tree.Refused()
	for _, r := range refused {
		if r.Unsafe && !unsafe[r.Path] {
			unsafe[r.Path] = true
			f := s.finding(fairlead.CategoryImage, "image-unsafe-entry", r.Layer, r.Path)
			f.Severity, f.CWE = fairlead.SeverityHigh, []string{"CWE-22"}
			f.Message, f.Resource = fmt.Sprintf("a layer has an entry that no honest image has, %.200q: %s", r.Path, r.Reason), s.resource(r.Layer)
			f.Fix = "do not use the image; find out who made it"
			s.findings = append(s.findings, f)
		}
	}
	for _, u := range all {
		if unsafe[u.Path] {
			continue
		}
		f := s.finding(fairlead.CategoryImage, "image-unreadable-file", -1, u.Path)
		f.Location.Path, f.Message = u.Path, "it cannot be read, so what it names is not in the bill of materials"
		f.Fix = "is the image complete? the task's output says why"
		_, _ = s.in.Output.Write([]byte(u.Path + ": not read: " + u.Err.Error() + "\n"))
		s.findings = append(s.findings, f)
	}
}
