package vulndb

import (
	"github.com/google/osv-scalibr/semantic"

	"fairlead.dev/format/osv"
	"fairlead.dev/purl"
)

// keyOfRecord gives the key of a package that an OSV record names.
func keyOfRecord(p osv.Package) purl.Key {
	return purl.Key{Ecosystem: p.Ecosystem, Name: purl.Normal(p.Ecosystem, p.Name)}
}

// compareIn orders versions by the rules of an ecosystem.
//
// It reads each version once, which is most of the work: a package with many
// records has the same few versions compared over and over. Not for use by
// several goroutines at once.
func compareIn(ecosystem string) osv.Compare {
	type read struct {
		version semantic.Version
		err     error
	}
	known := map[string]read{}
	parse := func(s string) (semantic.Version, error) {
		r, ok := known[s]
		if !ok {
			r.version, r.err = semantic.Parse(s, ecosystem)
			known[s] = r
		}
		return r.version, r.err
	}
	return func(a, b string) (int, error) {
		v, err := parse(a)
		if err != nil {
			return 0, err
		}
		w, err := parse(b)
		if err != nil {
			return 0, err
		}
		return v.Compare(w)
	}
}
