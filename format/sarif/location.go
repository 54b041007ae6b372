package sarif

import (
	"errors"
	"strings"
)

// locations resolves places against the run's files and base URIs.
func (w wireRun) locations(list []wireLocation) ([]Location, error) {
	var out []Location
	for _, l := range list {
		place := Location{Message: said(l.Message)}
		if l.Physical != nil {
			uri, err := w.uri(l.Physical.Artifact)
			if err != nil {
				return nil, err
			}
			place.URI = uri
			if r := l.Physical.Region; r != nil {
				place.Line, place.Column = max(r.StartLine, 0), max(r.StartColumn, 0)
				place.EndLine, place.EndColumn = max(r.EndLine, 0), max(r.EndColumn, 0)
				place.Snippet = said(r.Snippet)
			}
		}
		for _, logical := range l.Logical {
			if place.Logical = logical.FullyQualifiedName; place.Logical == "" {
				place.Logical = logical.Name
			}
			if place.Logical != "" {
				break
			}
		}
		out = append(out, place)
	}
	return out, nil
}

// uri gives the file's URI with its base in front.
func (w wireRun) uri(a wireArtifact) (string, error) {
	if a.URI == "" && a.Index != nil && *a.Index >= 0 && *a.Index < len(w.Artifacts) {
		a = w.Artifacts[*a.Index].Location
	}
	uri := a.URI
	base, seen := a.URIBaseID, map[string]bool{}
	for base != "" {
		if seen[base] {
			return "", errors.New("its base URIs go in a circle")
		}
		seen[base] = true
		b, ok := w.Bases[base]
		if !ok || absolute(uri) {
			break
		}
		uri, base = join(b.URI, uri), b.URIBaseID
	}
	return uri, nil
}

// absolute tells whether a URI stands on its own.
func absolute(uri string) bool {
	scheme, _, ok := strings.Cut(uri, ":")
	return strings.HasPrefix(uri, "/") || ok && scheme != "" && !strings.ContainsAny(scheme, "/?#.")
}

// join puts a base in front. The standard has every base end in a slash; a
// tool that forgets it does not mean another directory.
func join(base, uri string) string {
	if base == "" || strings.HasSuffix(base, "/") || uri == "" {
		return base + uri
	}
	return base + "/" + uri
}
