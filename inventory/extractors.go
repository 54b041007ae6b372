package inventory

import (
	"strings"
	"sync"

	config "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/packagesconfig"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/packageslockjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/golang/gobinary"
	"github.com/google/osv-scalibr/extractor/filesystem/language/golang/gomod"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/archive"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/gradlelockfile"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/pomxml"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagejson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagelockjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/pnpmlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/yarnlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/php/composerlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/pipfilelock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/poetrylock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/requirements"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/uvlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/wheelegg"
	"github.com/google/osv-scalibr/extractor/filesystem/language/ruby/gemfilelock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/ruby/gemspec"
	"github.com/google/osv-scalibr/extractor/filesystem/language/rust/cargolock"
	"github.com/google/osv-scalibr/extractor/filesystem/os/apk"
	"github.com/google/osv-scalibr/extractor/filesystem/os/dpkg"
	"github.com/google/osv-scalibr/extractor/filesystem/os/rpm"
	"github.com/google/osv-scalibr/log"
	"github.com/google/osv-scalibr/purl"
	"github.com/package-url/packageurl-go"

	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/format/spdx"
	"fairlead.dev/inventory/lock"
)

// extractors are the readers of manifests, made once. None of them uses the
// network. The library logs by itself: it is silenced first, because whatever
// is worth knowing is in the errors.
var extractors = sync.OnceValues(func() (readers, error) {
	log.SetLogger(quiet{})
	source, err := open(
		gomod.New, gradlelockfile.New, pomxml.New, packagelockjson.New, pnpmlock.New, yarnlock.New, composerlock.New,
		pipfilelock.New, poetrylock.New, requirements.New, uvlock.New, gemfilelock.New, cargolock.New,
		packageslockjson.New, packagesconfig.New,
	)
	if err != nil {
		return readers{}, err
	}
	installed, err := open(
		dpkg.New, apk.New, rpm.New, packagejson.New, wheelegg.New, javaArchive, gemspec.New, composerlock.New,
	)
	if err != nil {
		return readers{}, err
	}
	binary, err := open(gobinary.New)
	if err != nil {
		return readers{}, err
	}
	return readers{source: source, installed: installed, binary: binary}, nil
})

// readers are the library's readers by what they are good for.
type readers struct {
	source    []filesystem.Extractor // manifests in a source tree
	installed []filesystem.Extractor // what package managers have installed
	binary    []filesystem.Extractor // programs that tell what they were built from
}

// mostUnpacked is how many bytes of the archives in an archive are unpacked.
const mostUnpacked = 512 << 20

// javaArchive reads Java archives, and those in them, inside a limit.
func javaArchive(*config.PluginConfig) (filesystem.Extractor, error) {
	return archive.New(&config.PluginConfig{PluginSpecific: []*config.PluginSpecificConfig{{
		Config: &config.PluginSpecificConfig_JavaArchive{JavaArchive: &config.JavaArchiveConfig{MaxOpenedBytes: mostUnpacked}},
	}}})
}

func open(all ...func(*config.PluginConfig) (filesystem.Extractor, error)) ([]filesystem.Extractor, error) {
	var out []filesystem.Extractor
	for _, open := range all {
		e, err := open(&config.PluginConfig{})
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// component says in CycloneDX's words what an extractor found in a file.
func component(pkg *extractor.Package, path string, told lock.Package) cyclonedx.Component {
	if pkg.PURLType == purl.TypeGolang && pkg.Name == "go" {
		pkg.Name = "stdlib" // as manifests call it, and records of vulnerabilities
	}
	c := cyclonedx.Component{
		Name: pkg.Name, Version: pkg.Version, Scope: cyclonedx.ScopeRequired,
		Found: []cyclonedx.Occurrence{{Path: path, Line: line(pkg)}},
	}
	if p := pkg.PURL(); p != nil && !local(pkg) {
		qualifiers := packageurl.Qualifiers(p.Qualifiers).Map()
		if p.Type != purl.TypeDebian { // elsewhere it is the library's own and would tell apart what is the same
			delete(qualifiers, "source")
		}
		p.Qualifiers = purl.QualifiersFromMap(qualifiers)
		c.PURL = p.String()
	}
	g, ok := pkg.Metadata.(interface{ DepGroups() []string })
	if told.Dev || ok && development(g.DepGroups()) {
		c.Scope = cyclonedx.ScopeExcluded
	}
	for _, h := range told.Hashes {
		c.Hashes = append(c.Hashes, cyclonedx.Hash{Algorithm: h.Algorithm, Hex: h.Hex})
	}
	for _, l := range append(pkg.Licenses, told.License) {
		if l != "" {
			c.Licenses = append(c.Licenses, license(l))
		}
	}
	c.Ref = c.PURL
	if c.Ref == "" {
		c.Ref = c.Name + "@" + c.Version
	}
	return c
}

// license says what a package declares: an identifier or an expression where it
// is one, else a name.
func license(text string) cyclonedx.License {
	if id := spdx.Identifier(text); id != "" {
		return cyclonedx.License{ID: id}
	}
	if spdx.IsExpression(text) {
		return cyclonedx.License{Expression: text}
	}
	return cyclonedx.License{Name: text}
}

// local tells whether a Go module was replaced by a folder: that has no
// version anybody could look up.
func local(pkg *extractor.Package) bool {
	return pkg.PURLType == purl.TypeGolang && (strings.HasPrefix(pkg.Name, ".") || strings.HasPrefix(pkg.Name, "/"))
}

// line is where the file names the package; 0 is unknown.
func line(pkg *extractor.Package) int {
	if d := pkg.Location.Descriptor; d != nil && d.File != nil && d.File.LineNumber > 0 {
		return d.File.LineNumber
	}
	return 0
}

// quiet is a logger that says nothing.
type quiet struct{}

func (quiet) Errorf(string, ...any) {}
func (quiet) Error(...any)          {}
func (quiet) Warnf(string, ...any)  {}
func (quiet) Warn(...any)           {}
func (quiet) Infof(string, ...any)  {}
func (quiet) Info(...any)           {}
func (quiet) Debugf(string, ...any) {}
func (quiet) Debug(...any)          {}
