package e2e

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"fairlead.dev/internal/imagetest"
)

// shopImage is an image on a base image, with a package in each, a setuid file
// in the base and a secret that a later layer deletes.
func shopImage(secret string) (image, base imagetest.Image) {
	release := imagetest.Entry{Name: "etc/os-release", Body: "ID=alpine\nVERSION_ID=3.20.1\n"}
	installed := func(packages string) imagetest.Entry {
		return imagetest.Entry{Name: "lib/apk/db/installed", Body: packages}
	}
	const musl = "P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\n\n"
	below := imagetest.Step{Entries: []imagetest.Entry{release, installed(musl), {Name: "bin/su", Body: "x", Mode: 0o4755}}}
	base = imagetest.Image{Tag: "base:1", Steps: []imagetest.Step{below}}
	image = imagetest.Image{Tag: "shop:latest", Steps: []imagetest.Step{
		below,
		{Entries: []imagetest.Entry{
			installed(musl + "P:curl\nV:8.0.0-r0\nA:x86_64\nL:curl\no:curl\n\n"),
			{Name: "app/left.conf", Body: "key = " + secret + "\n"},
			{Name: "app/node_modules/left-pad/package.json", Body: `{"name":"left-pad","version":"1.0.0"}`},
		}},
		{Entries: []imagetest.Entry{{Name: "app/.wh.left.conf"}}},
	}}
	return image, base
}

// cmdImage writes images: image DIR makes DIR/layout, DIR/shop.tar, DIR/base,
// DIR/bomb and DIR/escape, and serves the first as $registry/shop:1.2.
func cmdImage(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: image DIR")
	}
	t := scriptTB{ts: ts}
	image, base := shopImage("AKIA" + "Z7QXW3RT5KLM2PNB")
	dir := ts.MkAbs(args[0])
	imagetest.Layout(t, dir+"/layout", image)
	imagetest.Archive(t, dir+"/shop.tar", image)
	imagetest.Layout(t, dir+"/base", base)
	imagetest.Layout(t, dir+"/bomb", imagetest.Image{Steps: []imagetest.Step{{Packed: imagetest.GzipBomb(t, 1<<30)}}})
	imagetest.Layout(t, dir+"/escape", imagetest.Image{Steps: []imagetest.Step{{Entries: []imagetest.Entry{{Name: "../../escape", Body: "x"}, {Name: "fine", Body: "x"}}}}})
	server := httptest.NewServer(imagetest.Registry(dir + "/layout"))
	ts.Defer(server.Close)
	ts.Setenv("registry", strings.TrimPrefix(server.URL, "http://"))
}

// scriptTB lets a script use what is written for tests: it fails as the script does.
type scriptTB struct {
	testing.TB
	ts *testscript.TestScript
}

// Helper does nothing: the script tells its line.
func (scriptTB) Helper() {}

// Fatal ends the script.
func (t scriptTB) Fatal(args ...any) { t.ts.Fatalf("%v", args) }
