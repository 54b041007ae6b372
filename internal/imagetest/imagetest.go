// Package imagetest builds small container images for tests, honest and
// hostile ones, byte by byte and always the same.
package imagetest

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Entry is one entry of a layer's tar; Type is a regular file when zero.
type Entry struct {
	Name, Body, Link string
	Type             byte
	Mode             int64
	Zeros            int64 // so many zero bytes instead of Body
}

// Step is one step of the history: a layer when it has entries, else none.
type Step struct {
	Command string
	Entries []Entry
	Tar     []byte // instead of Entries: the layer as it is
	Packed  []byte // instead of Entries, in a layout: the layer as it is, compressed; its digest is not right
}

// Image is what is built.
type Image struct {
	Steps       []Step
	User        string
	Healthcheck []string
	Env         []string
	Tag         string
	Annotations map[string]string
	Corrupt     string // "manifest", "config" or "layer": the content that does not fit its digest
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Layout writes the image as an OCI layout into dir, and gives the digest of
// its manifest.
func Layout(t testing.TB, dir string, i Image) string {
	t.Helper()
	b := i.build(t)
	blob := func(content []byte, wrong bool) descriptor {
		d := descriptor{Digest: digest(content), Size: len(content)}
		if wrong {
			content = append(bytes.Clone(content[:len(content)-1]), content[len(content)-1]^1)
		}
		write(t, filepath.Join(dir, "blobs", "sha256", d.Digest[7:]), content)
		return d
	}
	config := blob(b.config, i.Corrupt == "config")
	config.MediaType = "application/vnd.oci.image.config.v1+json"
	manifest := map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "annotations": i.Annotations}
	var layers []descriptor
	for n, l := range b.layers {
		packed := Gzip(t, l)
		if b.packed[n] != nil {
			packed = b.packed[n]
		}
		if i.Corrupt == "layer" {
			packed = Gzip(t, append(bytes.Clone(l), make([]byte, 512)...))
		}
		d := blob(packed, false)
		d.MediaType = "application/vnd.oci.image.layer.v1.tar+gzip"
		layers = append(layers, d)
	}
	manifest["layers"] = layers
	m := blob(encode(t, manifest), i.Corrupt == "manifest")
	m.MediaType = "application/vnd.oci.image.manifest.v1+json"
	if i.Tag != "" {
		m.Annotations = map[string]string{"org.opencontainers.image.ref.name": i.Tag}
	}
	write(t, filepath.Join(dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`))
	write(t, filepath.Join(dir, "index.json"), encode(t, map[string]any{"schemaVersion": 2, "manifests": []descriptor{m}}))
	return m.Digest
}

// Archive writes the image as docker save does.
func Archive(t testing.TB, path string, i Image) {
	t.Helper()
	b := i.build(t)
	entries := []Entry{{Name: digest(b.config)[7:] + ".json", Body: string(b.config)}}
	var names []string
	for _, l := range b.layers {
		name := digest(l)[7:] + "/layer.tar"
		names = append(names, name)
		entries = append(entries, Entry{Name: name, Body: string(l)})
	}
	tags := []string{}
	if i.Tag != "" {
		tags = append(tags, i.Tag)
	}
	manifest := []map[string]any{{"Config": entries[0].Name, "RepoTags": tags, "Layers": names}}
	write(t, path, Tar(t, append(entries, Entry{Name: "manifest.json", Body: string(encode(t, manifest))})))
}

type built struct {
	config []byte
	layers [][]byte
	packed [][]byte
}

func (i Image) build(t testing.TB) built {
	t.Helper()
	var b built
	var ids []string
	var history []map[string]any
	for _, s := range i.Steps {
		entry := map[string]any{"created_by": s.Command, "empty_layer": true}
		if s.Entries != nil || s.Tar != nil || s.Packed != nil {
			layer := s.Tar
			if layer == nil {
				layer = Tar(t, s.Entries)
			}
			b.layers, b.packed, ids = append(b.layers, layer), append(b.packed, s.Packed), append(ids, digest(layer))
			delete(entry, "empty_layer")
		}
		history = append(history, entry)
	}
	settings := map[string]any{"User": i.User, "Env": i.Env}
	if i.Healthcheck != nil {
		settings["Healthcheck"] = map[string]any{"Test": i.Healthcheck}
	}
	b.config = encode(t, map[string]any{
		"architecture": "amd64", "os": "linux", "created": "2026-11-02T08:00:00Z", "config": settings,
		"rootfs": map[string]any{"type": "layers", "diff_ids": ids}, "history": history,
	})
	return b
}

// Tar writes entries as a tar.
func Tar(t testing.TB, entries []Entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{
			Name: e.Name, Typeflag: e.Type, Linkname: e.Link, Mode: e.Mode, Size: int64(len(e.Body)) + e.Zeros, ModTime: time.Unix(0, 0),
		}
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		must(t, w.WriteHeader(h))
		_, err := io.WriteString(w, e.Body)
		must(t, err)
		_, err = io.CopyN(w, zeros{}, e.Zeros)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

// Gzip compresses.
func Gzip(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(content)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

// header is the tar header of a file of so many bytes.
func header(t testing.TB, size int64) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, tar.NewWriter(&b).WriteHeader(&tar.Header{Name: "zeros", Typeflag: tar.TypeReg, Mode: 0o644, Size: size}))
	return b.Bytes()
}

// GzipBomb is a layer with one file of so many zero bytes, compressed.
func GzipBomb(t testing.TB, size int64) []byte {
	t.Helper()
	const part = 16 << 20
	member := Gzip(t, make([]byte, part))
	return append(Gzip(t, header(t, size)), bytes.Repeat(member, int(size/part)+1)...)
}

// ZstdBomb is a layer with one file of so many zero bytes, compressed.
func ZstdBomb(t testing.TB, size int64) []byte {
	t.Helper()
	const block = 128 << 10
	out := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3} // magic, no options, a window of one block
	add := func(size, typ, last int, content []byte) {
		h := size<<3 | typ<<1 | last
		out = append(append(out, byte(h), byte(h>>8), byte(h>>16)), content...)
	}
	h := header(t, size)
	add(len(h), 0, 0, h)
	for range size / block {
		add(block, 1, 0, []byte{0}) // the byte, so many times
	}
	add(1024, 1, 1, []byte{0})
	return out
}

type zeros struct{}

// Read fills p with zero bytes.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	return b
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, content, 0o644))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Zip is an archive with one file of so many zero bytes, a multiple of 16 MiB.
func Zip(t testing.TB, name string, size int64) []byte {
	t.Helper()
	const part = 16 << 20
	var packed bytes.Buffer
	f, err := flate.NewWriter(&packed, flate.BestCompression)
	must(t, err)
	_, err = f.Write(make([]byte, part))
	must(t, err)
	must(t, f.Flush()) // ends at a byte, so that it can be repeated
	content := bytes.Repeat(packed.Bytes(), int(size/part))
	packed.Reset()
	f.Reset(&packed)
	must(t, f.Close())
	content = append(content, packed.Bytes()...)
	sum := crc32.NewIEEE()
	_, err = io.CopyN(sum, zeros{}, size)
	must(t, err)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	raw, err := w.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Deflate, CRC32: sum.Sum32(), CompressedSize64: uint64(len(content)), UncompressedSize64: uint64(size),
	})
	must(t, err)
	_, err = raw.Write(content)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

// Registry serves the image of an OCI layout, under every name and tag.
func Registry(dir string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var index struct{ Manifests []descriptor }
		b, err := os.ReadFile(filepath.Join(dir, "index.json"))
		if err == nil {
			err = json.Unmarshal(b, &index)
		}
		if err != nil || len(index.Manifests) == 0 {
			http.Error(w, "there is no layout", http.StatusInternalServerError)
			return
		}
		at, last := path.Split(r.URL.Path)
		if strings.HasSuffix(at, "/manifests/") {
			last = index.Manifests[0].Digest
			w.Header().Set("Content-Type", index.Manifests[0].MediaType)
			w.Header().Set("Docker-Content-Digest", last)
		}
		if r.URL.Path == "/v2/" {
			return
		}
		http.ServeFile(w, r, filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(last, "sha256:")))
	})
}
