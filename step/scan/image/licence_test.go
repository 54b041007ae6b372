package image_test

import (
	"archive/tar"
	"slices"
	"testing"

	"fairlead.dev/format/cyclonedx"
	"fairlead.dev/internal/imagetest"
	"fairlead.dev/step"
	"fairlead.dev/step/scan/image"
	"fairlead.dev/step/steptest"
)

// licencesOf gives what the bill of materials says of each component's licences.
func licencesOf(t *testing.T, out step.Out) map[string][]string {
	t.Helper()
	d, err := cyclonedx.Decode(out.Claims[0].Predicate)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, c := range d.Components {
		for _, l := range c.Licenses {
			all[c.Name] = append(all[c.Name], l.Text())
		}
	}
	return all
}

// Packages of a system come with their licences: from the database where it tells, else from
// Debian's copyright files.
func TestLicencesOfPackages(t *testing.T) {
	const form = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
	status := ""
	for _, name := range []string{"openssl", "libssl3", "plain", "bare"} {
		status += "Package: " + name + "\nStatus: install ok installed\nArchitecture: amd64\nVersion: 3.0.1\n\n"
	}
	debian := imagetest.Image{User: "1000", Steps: []imagetest.Step{{Entries: []imagetest.Entry{
		{Name: "etc/os-release", Body: "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n"},
		{Name: "var/lib/dpkg/status", Body: status},
		{Name: "usr/share/doc/openssl/copyright", Body: form + "Files: *\nLicense: Apache-2.0\n\nFiles: x\nLicense: GPL-1+ or Artistic\n"},
		{Name: "usr/share/doc/libssl3", Type: tar.TypeSymlink, Link: "openssl"},
		{Name: "usr/share/doc/plain/copyright", Body: "It is free, says its author.\n"},
	}}}}
	alpine := imagetest.Image{User: "1000", Steps: []imagetest.Step{{Entries: []imagetest.Entry{
		{Name: "etc/os-release", Body: "ID=alpine\nVERSION_ID=3.20.1\n"},
		{Name: "lib/apk/db/installed", Body: "P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\n\n"},
	}}}}
	steptest.Run(
		t, image.Type(),
		steptest.Case{Name: "debian", Prepare: placed(debian), Want: step.Done, Check: func(t *testing.T, _ step.In, out step.Out) {
			got := licencesOf(t, out)
			want := []string{"Apache-2.0", "GPL-1.0-or-later OR Artistic-1.0"}
			if !slices.Equal(got["openssl"], want) || !slices.Equal(got["libssl3"], want) || len(got["plain"]) > 0 || len(got["bare"]) > 0 {
				t.Errorf("licences %q", got)
			}
		}},
		steptest.Case{Name: "alpine", Prepare: placed(alpine), Want: step.Done, Check: func(t *testing.T, _ step.In, out step.Out) {
			if got := licencesOf(t, out); !slices.Equal(got["musl"], []string{"MIT"}) {
				t.Errorf("licences %q", got)
			}
		}},
	)
}
