package sbom_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fairlead.dev"
	"fairlead.dev/format/spdx"
	"fairlead.dev/internal/imagetest"
	"fairlead.dev/sbom"
	"fairlead.dev/step"
	scanimage "fairlead.dev/step/scan/image"
)

// blobs keeps the one document that a step leaves.
type blobs struct{ content []byte }

func (b *blobs) Put(_ context.Context, r io.Reader) (fairlead.Digest, int64, error) {
	var err error
	b.content, err = io.ReadAll(r)
	return fairlead.DigestBytes(b.content), int64(len(b.content)), err
}

// TestDocumentsOfImages: what is written of an image follows the schemas of both
// formats, and says the same: packages of every kind, licences that are none of
// SPDX's, names that no document may hold as they are, layers and their base.
func TestDocumentsOfImages(t *testing.T) {
	rpm, err := os.ReadFile(filepath.Join(module(t, "github.com/google/osv-scalibr"), "extractor", "filesystem", "os", "rpm", "testdata", "rpmdb.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	all := schemas(t)
	for name, entries := range map[string][]imagetest.Entry{
		"rpm": {
			{Name: "etc/os-release", Body: "ID=rocky\nVERSION_ID=9.3\n"},
			{Name: "usr/lib/sysimage/rpm/rpmdb.sqlite", Body: string(rpm)},
		},
		"apk": {
			{Name: "etc/os-release", Body: "ID=alpine\nVERSION_ID=3.20.1\n"},
			{Name: "lib/apk/db/installed", Body: "P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\n\nP:odd name\x01\xff\nV:1\nL:our \"own\" words & more\n\nP:none\nV:2\n\n"},
		},
		"dpkg and languages": {
			{Name: "etc/os-release", Body: "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n"},
			{Name: "var/lib/dpkg/status", Body: "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\nSource: openssl (3.0.11-1)\nVersion: 3.0.11-1+b1\nMaintainer: A <a@example.test>\n\n"},
			{Name: "app/node_modules/left-pad/package.json", Body: `{"name":"left-pad","version":"1.3.0","license":"WTFPL"}`},
			{Name: "usr/lib/python3/dist-packages/six-1.16.0.dist-info/METADATA", Body: "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\nLicense: MIT or something like it\n"},
			{Name: "usr/lib/ruby/specifications/rake-13.0.gemspec", Body: "Gem::Specification.new do |s|\n  s.name = \"rake\"\n  s.version = \"13.0\"\nend\n"},
		},
		"nothing": {{Name: "shop", Body: "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, left := t.TempDir(), &blobs{}
			imagetest.Layout(t, filepath.Join(dir, "image.tar"), imagetest.Image{Tag: "registry.test/shop:1", Steps: []imagetest.Step{
				{Entries: entries}, {Command: `CMD ["sh"]`}, {Entries: []imagetest.Entry{{Name: "app/node_modules/own/package.json", Body: `{"name":"own","version":"1.0.0"}`}}},
			}})
			config := scanimage.Type().Config.(scanimage.Config)
			config.Secrets, config.Settings = false, false
			if _, err := scanimage.Type().Run(t.Context(), step.In{
				Config: config, Workspace: dir, Scratch: t.TempDir(), Output: io.Discard, Blobs: left, Service: "shop",
			}); err != nil {
				t.Fatal(err)
			}
			valid(t, all["CycloneDX"], left.content)
			d, _, err := sbom.Read(left.content)
			if err != nil || len(d.Components) == 0 {
				t.Fatalf("%d components, %v", len(d.Components), err)
			}
			out, err := spdx.Encode(sbom.SPDX(d))
			if err != nil {
				t.Fatal(err)
			}
			valid(t, all["SPDX"], out)
			if again, _ := spdx.Encode(sbom.SPDX(d)); !bytes.Equal(out, again) {
				t.Error("the same image gives other bytes")
			}
			back, _, err := sbom.Read(out)
			if err != nil {
				t.Fatal(err)
			}
			if diff := sbom.Diff(d, back); diff.Same != len(d.Components) || len(diff.Added)+len(diff.Removed)+len(diff.Versions) > 0 {
				t.Errorf("the formats differ: %+v", diff)
			}
			if !strings.Contains(string(out), "of the base image") && name != "nothing" {
				t.Error("the base image is not told")
			}
		})
	}
}
