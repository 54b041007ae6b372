package source

import (
	"slices"
	"strings"
	"sync"

	config "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/language/golang/gomod"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/gradlelockfile"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/pomxml"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagelockjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/pnpmlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/yarnlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/php/composerlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/pipfilelock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/poetrylock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/requirements"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/uvlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/ruby/gemfilelock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/rust/cargolock"
	"github.com/google/osv-scalibr/log"
	"github.com/google/osv-scalibr/purl"
	"github.com/package-url/packageurl-go"

	"fairlead.dev/format/cyclonedx"
)

// extractors are the readers of manifests, made once. None of them uses the
// network. The library logs by itself: it is silenced first, because whatever
// is worth knowing is in the errors.
var extractors = sync.OnceValues(func() ([]filesystem.Extractor, error) {
	log.SetLogger(quiet{})
	var all []filesystem.Extractor
	for _, open := range []func(*config.PluginConfig) (filesystem.Extractor, error){
		gomod.New, gradlelockfile.New, pomxml.New, packagelockjson.New, pnpmlock.New, yarnlock.New, composerlock.New,
		pipfilelock.New, poetrylock.New, requirements.New, uvlock.New, gemfilelock.New, cargolock.New,
	} {
		e, err := open(&config.PluginConfig{})
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
})

// component says in CycloneDX's words what an extractor found in a file.
func component(pkg *extractor.Package, path string) cyclonedx.Component {
	c := cyclonedx.Component{
		Name: pkg.Name, Version: pkg.Version, Scope: cyclonedx.ScopeRequired, Licenses: pkg.Licenses, FoundIn: []string{path},
	}
	if p := pkg.PURL(); p != nil {
		// "source" is the library's own qualifier and would tell apart what is the same.
		qualifiers := packageurl.Qualifiers(p.Qualifiers).Map()
		delete(qualifiers, "source")
		p.Qualifiers = purl.QualifiersFromMap(qualifiers)
		c.PURL = p.String()
	}
	if g, ok := pkg.Metadata.(interface{ DepGroups() []string }); ok && development(g.DepGroups()) {
		c.Scope = cyclonedx.ScopeExcluded
	}
	c.Ref = c.PURL
	if c.Ref == "" {
		c.Ref = c.Name + "@" + c.Version
	}
	return c
}

// development tells whether all groups are for building and testing only.
func development(groups []string) bool {
	if len(groups) == 0 {
		return false
	}
	return !slices.ContainsFunc(groups, func(g string) bool {
		g = strings.ToLower(g)
		return !strings.HasPrefix(g, "dev") && !strings.HasPrefix(g, "test") && g != "build"
	})
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
