package vulndb_test

import (
	"archive/zip"
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/vulndb"
)

// feed is a server with one archive of one record, and one address that never
// answers.
func feed(t *testing.T) *httptest.Server {
	t.Helper()
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, err := z.Create("GO-2026-1.json")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(`{"id":"GO-2026-1","modified":"2026-10-01T00:00:00Z","affected":[{"package":{"ecosystem":"Go","name":"example.test/lib"},
		"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/Go/all.zip", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive.Bytes()) })
	mux.HandleFunc("/mirror/Go/all.zip", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(archive.Bytes()) })
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestDownloadIsReadyToBeImported(t *testing.T) {
	server := feed(t)
	for name, c := range map[string]struct{ address, mirror string }{
		"from where it is":         {server.URL + "/Go/all.zip", ""},
		"from a mirror":            {"https://example.invalid/Go/all.zip", server.URL + "/mirror/"},
		"a mirror with a password": {"https://example.invalid/Go/all.zip", strings.Replace(server.URL, "://", "://me:pa55@", 1) + "/mirror"},
	} {
		t.Run(name, func(t *testing.T) {
			inputs, err := vulndb.Download(t.Context(), t.TempDir(), c.mirror, []string{c.address})
			if err != nil || len(inputs) != 1 || inputs[0].Origin != c.address {
				t.Fatalf("inputs %+v, %v", inputs, err)
			}
			change, err := vulndb.Import(t.Context(), filepath.Join(t.TempDir(), "vulndb.sqlite"), now(), inputs...)
			if err != nil || len(change.Added) != 1 {
				t.Errorf("change %+v, %v", change, err)
			}
		})
	}
}

func TestDownloadThatFails(t *testing.T) {
	server := feed(t)
	secret := strings.Replace(server.URL, "://", "://me:pa55@", 1)
	for name, c := range map[string]struct {
		address, mirror string
		kind            fairlead.Kind
		says            string
	}{
		"no file there":         {server.URL + "/npm/all.zip", "", fairlead.KindUnavailable, "404"},
		"nobody listens":        {"http://127.0.0.1:1/all.zip", "", fairlead.KindUnavailable, "refused"},
		"a file of the machine": {"file:///etc/passwd", "", fairlead.KindInvalid, "no address"},
		"no address":            {"all.zip", "", fairlead.KindInvalid, "no address"},
		"no mirror":             {server.URL + "/Go/all.zip", "mirror", fairlead.KindInvalid, "no address"},
		"a password":            {secret + "/npm/all.zip", "", fairlead.KindUnavailable, "404"},
		"a mirror's password":   {"https://example.invalid/x/all.zip", secret, fairlead.KindUnavailable, "404"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			inputs, err := vulndb.Download(t.Context(), dir, c.mirror, []string{server.URL + "/Go/all.zip", c.address})
			if fairlead.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) || inputs != nil {
				t.Errorf("inputs %v, error %v, want %s that says %q", inputs, err, c.kind, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "pa55") {
				t.Errorf("the password is told: %v", err)
			}
		})
	}
}

func TestDownloadEndsWhenItIsCancelled(t *testing.T) {
	server := feed(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	dir := t.TempDir()
	if _, err := vulndb.Download(ctx, dir, "", []string{server.URL + "/silent"}); err == nil {
		t.Error("a download that nobody waits for succeeds")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}
