package image

import (
	"io"
	"io/fs"
	"path"
	"strings"

	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/format/spdx"
	containers "fairlead.dev/image"
	"fairlead.dev/licence"
)

// copyrights is where packages of Debian and what is made of it say under what
// terms they are.
const (
	copyrights = "usr/share/doc/*/copyright"
	// mostCopyright is how large such a file is that is read, in bytes.
	mostCopyright = 1 << 20
)

// alsoCopyrights adds those files to what is kept of an image.
func alsoCopyrights(wanted func(string, fs.FileInfo) bool) func(string, fs.FileInfo) bool {
	return func(name string, info fs.FileInfo) bool {
		ok, err := path.Match(copyrights, name)
		return wanted(name, info) || ok && err == nil && info.Size() <= mostCopyright
	}
}

// declare adds to packages of Debian what their copyright files declare: the
// database of packages does not tell.
func declare(components []cyclonedx.Component, tree *containers.Tree) {
	for i := range components {
		c := &components[i]
		if len(c.Licenses) > 0 || !strings.HasPrefix(c.PURL, "pkg:deb/") || !fs.ValidPath(c.Name) || strings.Contains(c.Name, "/") {
			continue
		}
		f, err := tree.Open(strings.Replace(copyrights, "*", c.Name, 1))
		if err != nil {
			continue // slim images leave them out
		}
		b, err := io.ReadAll(io.LimitReader(f, mostCopyright))
		if f.Close(); err != nil {
			continue
		}
		for _, said := range licence.Debian(b) {
			c.Licenses = append(c.Licenses, declared(said))
		}
	}
}

func declared(said string) cyclonedx.License {
	if id := spdx.Identifier(said); id != "" {
		return cyclonedx.License{ID: id}
	}
	if spdx.IsExpression(said) {
		return cyclonedx.License{Expression: said}
	}
	return cyclonedx.License{Name: said}
}
