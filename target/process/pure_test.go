package process

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fairlead.dev"
	"fairlead.dev/target"
)

func TestTypeDescribesEveryKey(t *testing.T) {
	typ := Type()
	if typ.Name != "process" || typ.Title == "" || typ.Doc == "" {
		t.Errorf("incomplete: %+v", typ)
	}
	var walk func(reflect.Type)
	walk = func(s reflect.Type) {
		for i := range s.NumField() {
			f := s.Field(i)
			if f.Tag.Get("json") == "" || f.Tag.Get("doc") == "" {
				t.Errorf("%s.%s has no key or no doc", s, f.Name)
			}
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type)
			}
		}
	}
	walk(reflect.TypeOf(typ.Config))
	raw, err := json.Marshal(typ.Config)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := decodeConfig(raw); err != nil || !reflect.DeepEqual(c, typ.Config) {
		t.Errorf("the defaults do not round-trip: %+v %v", c, err)
	}
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(fast))
	f.Add([]byte(`{"listen":"[::1]:0","sticky":"address"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := decodeConfig(raw)
		if err != nil {
			if fairlead.KindOf(err) != fairlead.KindInvalid {
				t.Errorf("kind %s of %v", fairlead.KindOf(err), err)
			}
			return
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := decodeConfig(again); err != nil || !reflect.DeepEqual(c, d) {
			t.Errorf("%s became %+v, then %+v: %v", raw, c, d, err)
		}
	})
}

func FuzzState(f *testing.F) {
	f.Add([]byte(`{"version":1,"places":[{"environment":"staging","service":"shop","fence":3,"desired":{"fence":3,"config":{}},"listen":"127.0.0.1:1"}]}`))
	f.Add([]byte(`{"version":1,"places":[null]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decodeMemory(raw)
		if err != nil {
			return
		}
		for _, p := range m.Places {
			if strings.ContainsAny(p.Environment+p.Service, "/\x00") || p.Environment == ".." {
				t.Errorf("accepted the place %q", p.Place)
			}
		}
		k := &keeper{path: filepath.Join(t.TempDir(), "state.json")}
		for _, p := range m.Places {
			if err := k.put(p); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := openKeeper(k.path); err != nil {
			t.Errorf("cannot read what it wrote: %v", err)
		}
	})
}

func FuzzBundle(f *testing.F) {
	f.Add("bin/shop", "bin/shop", "A")
	f.Add("../x", "/bin/true", "FAIRLEAD_X")
	f.Add("a/./b", "a/../../b", "")
	f.Fuzz(func(t *testing.T, artifact, command, env string) {
		b := target.Bundle{Decision: fairlead.Evidence{Envelope: json.RawMessage(`{}`)}}
		b.Release = fairlead.Release{
			Service: "shop", Command: []string{command}, Env: map[string]string{env: "x"},
			Artifacts: []fairlead.Artifact{{Name: artifact, Digest: fairlead.DigestBytes(nil)}},
		}
		b.Release = b.Release.Identify()
		if checkBundle(shop, b) != nil {
			return
		}
		root := t.TempDir()
		inside := func(p string) bool { return strings.HasPrefix(p, root+string(filepath.Separator)) }
		if !inside(filepath.Join(root, artifact)) {
			t.Errorf("artifact %q leaves the release", artifact)
		}
		w := recipe{bundle: b, root: root}.words()[0]
		if strings.Contains(command, "/") && !filepath.IsAbs(command) && !inside(w) && w != root {
			t.Errorf("command %q leaves the release", command)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add("PUT", "/v1/places/staging/shop", []byte(`{"fence":1,"config":{},"releases":[]}`))
	f.Add("PUT", "/v1/places/staging/shop/releases/sha256:00", []byte(`{}`))
	f.Add("GET", "/v1/places/staging/shop", []byte(nil))
	f.Add("PUT", "/v1/blobs/sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", []byte(nil))
	h, err := openHost(AgentOptions{Dir: f.TempDir(), Logger: quiet()})
	if err != nil {
		f.Fatal(err)
	}
	a := &agent{host: h, keeper: &keeper{path: filepath.Join(h.dir, "state.json")}, places: map[target.Place]*place{}, stop: func() {}}
	f.Cleanup(a.close)
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		if bytes.Contains(body, []byte("sha256")) {
			return // would start replicas
		}
		req, err := http.NewRequest(method, "http://agent", bytes.NewReader(body))
		if err != nil {
			return
		}
		req.URL.Path = "/" + strings.TrimPrefix(path, "/")
		w := httptest.NewRecorder()
		a.handler().ServeHTTP(w, req)
		if w.Code >= 500 {
			t.Errorf("%s %q %q: %d %s", method, path, body, w.Code, w.Body)
		}
		if w.Code >= 400 && method != http.MethodHead {
			var f fairlead.Fault
			if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || f.Kind.Status() != w.Code {
				t.Errorf("%s %q: %d with %s", method, path, w.Code, w.Body)
			}
		}
	})
}

func TestLogbookIsBounded(t *testing.T) {
	dir := t.TempDir()
	b := openLogbook(filepath.Join(dir, "deep", "shop-1.log"))
	b.limit = 1000
	var all bytes.Buffer
	for i := range 500 {
		line := []byte(strings.Repeat("x", i%70) + "\n")
		all.Write(line)
		if n, err := b.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if n, _ := b.Write(bytes.Repeat([]byte("y"), 5000)); n != 5000 {
		t.Error("a large write was cut")
	}
	all.Write(bytes.Repeat([]byte("y"), 5000))
	b.close()
	kept, err := readLogs(filepath.Join(dir, "deep"), "")
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Close()
	got, _ := io.ReadAll(kept)
	if len(got) > 2000 || len(got) < 1000 || !bytes.HasSuffix(all.Bytes(), got) {
		t.Errorf("%d bytes are kept, want the last 1000 to 2000", len(got))
	}
}

func TestLogbookOnAFullDisk(t *testing.T) {
	b := openLogbook("/dev/full/shop.log") // cannot be made
	if n, err := b.Write([]byte("one\ntwo\n")); n != 8 || err != nil {
		t.Errorf("the replica was told: %d %v", n, err)
	}
	if last := b.last(); last != "one | two" {
		t.Errorf("remembered %q", last)
	}
}

func TestStateThatCannotBeWritten(t *testing.T) {
	k, err := openKeeper(filepath.Join(t.TempDir(), "gone", "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	refused(t, k.put(placeMemory{Place: shop, Fence: 3}), fairlead.KindUnavailable)
	if k.place(shop).Fence != 0 {
		t.Error("it counts although it is not on disk")
	}
}

func TestPortsAreGivenOnce(t *testing.T) {
	var p ports
	seen := map[int]bool{}
	for range 300 {
		port, err := p.take()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] || port < firstPort || port > lastPort {
			t.Fatalf("port %d", port)
		}
		seen[port] = true
	}
}

func TestMarkStandsForOneReplica(t *testing.T) {
	env := []byte("A=b\x00FAIRLEAD_KEEPER=f00:shop-12\x00C=d\x00")
	for mark, want := range map[string]bool{
		"FAIRLEAD_KEEPER=f00:": true, "FAIRLEAD_KEEPER=f00:shop-12\x00": true, "A=b\x00": true,
		"FAIRLEAD_KEEPER=f00:shop-1\x00": false, "FAIRLEAD_KEEPER=f0:": false, "KEEPER=f00": false,
	} {
		if got := hasVariable(env, []byte(mark)); got != want {
			t.Errorf("%q: %v", mark, got)
		}
	}
}

func TestWeightsInForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "releases")
		rest, ready := 100, false
		var seen []target.Instance
		for i := range n {
			s := target.Instance{Weight: rest, Ready: rapid.IntRange(0, 2).Draw(t, "ready")}
			if i < n-1 {
				s.Weight = rapid.IntRange(0, rest).Draw(t, "weight")
			}
			rest -= s.Weight
			ready = ready || s.Ready > 0 && s.Weight > 0
			seen = append(seen, s)
		}
		wanted := slices.Clone(seen)
		inForce(seen)
		sum := 0
		for i, s := range seen {
			sum += s.Weight
			if s.Weight > 0 && (s.Ready == 0 || wanted[i].Weight == 0) || s.Ready > 0 && s.Weight < wanted[i].Weight {
				t.Fatalf("%+v became %+v", wanted, seen)
			}
		}
		if ready && sum != 100 || !ready && sum != 0 {
			t.Fatalf("weights in force sum to %d, something ready: %v", sum, ready)
		}
	})
}

func TestIdentityStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "id")
	first, err := identity(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := identity(path); err != nil || again != first || len(first) != 16 {
		t.Errorf("%q, then %q: %v", first, again, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if other, _ := identity(path); other == first {
		t.Error("two directories have one name")
	}
}
