package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fairlead.dev"
	"fairlead.dev/internal/pgtest"
	"fairlead.dev/store"
)

func TestOpenRefusals(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := silent.Addr().String()
	silent.Close()
	for name, c := range map[string]struct {
		url  string
		kind fairlead.Kind
		hint string
	}{
		"another database":     {"mysql://x", "invalid", "sqlite:/"},
		"nothing":              {"", "invalid", "sqlite:/"},
		"relative path":        {"sqlite:state.db", "invalid", "sqlite:/"},
		"not a database":       {"sqlite:" + write("text", []byte(strings.Repeat("not a database ", 100))), "unavailable", "damaged"},
		"below a file":         {"sqlite:" + write("file", nil) + "/state.db", "unavailable", "directory"},
		"a directory":          {"sqlite:" + dir, "unavailable", "file"},
		"malformed PostgreSQL": {"postgres://host:port:x/", "invalid", "postgres://"},
		"no PostgreSQL there":  {"postgres://user:secret@" + closed + "/x", "unavailable", "PostgreSQL"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := store.Open(t.Context(), c.url)
			if err == nil {
				s.Close()
			}
			if fairlead.KindOf(err) != c.kind || !strings.Contains(fairlead.HintOf(err), c.hint) {
				t.Errorf("error %v (%s, hint %q), want %s and a hint with %q", err, fairlead.KindOf(err), fairlead.HintOf(err), c.kind, c.hint)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}

func TestOpenPostgresWithoutDatabase(t *testing.T) {
	url := pgtest.Start(t)
	slash, query := strings.LastIndex(url, "/"), ""
	if i := strings.Index(url, "?"); i >= 0 {
		slash, query = strings.LastIndex(url[:i], "/"), url[i:]
	}
	_, err := store.Open(t.Context(), url[:slash+1]+"missing"+query)
	if fairlead.KindOf(err) != fairlead.KindUnavailable || !strings.Contains(fairlead.HintOf(err), "create the database") {
		t.Errorf("error %v (hint %q)", err, fairlead.HintOf(err))
	}
}

func TestNewerSchema(t *testing.T) {
	url := sqliteURL(t)
	openStore(t, url).Close()
	db := openSQL(t, url)
	if _, err := db.Exec("INSERT INTO schema_version (version, applied) VALUES (999, 0)"); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), url)
	if fairlead.KindOf(err) != fairlead.KindConflict || !strings.Contains(fairlead.HintOf(err), "newer version") {
		t.Errorf("error %v (hint %q)", err, fairlead.HintOf(err))
	}
}

// A file that is damaged in the middle is found out when it is read.
func TestDamagedFile(t *testing.T) {
	url := sqliteURL(t)
	s := openStore(t, url)
	for i := range 200 {
		if _, err := s.Commit(t.Context(), benchUpdate(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(url, "sqlite:")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[4096:], bytes.Repeat([]byte{0xa5}, len(data)-4096))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err = store.Open(t.Context(), url)
	if err == nil {
		defer s.Close()
		_, err = s.Runs(t.Context(), store.RunFilter{})
	}
	if fairlead.KindOf(err) != fairlead.KindUnavailable || !strings.Contains(fairlead.HintOf(err), "damaged") {
		t.Errorf("error %v (hint %q)", err, fairlead.HintOf(err))
	}
}

func TestFileIsPrivate(t *testing.T) {
	url := sqliteURL(t)
	path := strings.TrimPrefix(url, "sqlite:")
	s := openStore(t, url)
	if _, err := s.Commit(t.Context(), benchUpdate(1)); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{filepath.Dir(path): 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600} {
		info, err := os.Stat(name)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, error %v, want %v", filepath.Base(name), info, err, mode)
		}
	}
	s.Close()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	openStore(t, url).Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a file open to others stayed so: %v, error %v", info, err)
	}
}

// Without room, a write says so, nothing is half done, and the store goes on
// when there is room again. The kernel's limit on file size stands for the
// disk; it holds for a whole process, so the store runs in one of its own.
func TestFullDisk(t *testing.T) {
	if url := os.Getenv("STORE_TEST_FULL"); url != "" {
		fillDisk(t, url)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), "STORE_TEST_FULL="+sqliteURL(t))
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS: TestFullDisk")) {
		t.Errorf("%v\n%s", err, out)
	}
}

func fillDisk(t *testing.T, url string) {
	s := openStore(t, url)
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	setLimit := func(bytes uint64) {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: bytes, Max: before.Max}); err != nil {
			t.Fatal(err)
		}
	}
	setLimit(512 << 10)
	var failed error
	written := 0
	for i := 0; failed == nil && i < 10_000; i++ {
		u := benchUpdate(i)
		u.Run.Reason = strings.Repeat("x", 4000)
		var applied bool
		if applied, failed = s.Commit(t.Context(), u); applied != (failed == nil) {
			t.Errorf("applied %v, error %v", applied, failed)
		}
		if failed == nil {
			written++
		}
	}
	if fairlead.KindOf(failed) != fairlead.KindUnavailable || !strings.Contains(fairlead.HintOf(failed), "space") {
		t.Errorf("after %d updates: error %v (%s, hint %q)", written, failed, fairlead.KindOf(failed), fairlead.HintOf(failed))
	}
	setLimit(before.Cur)
	if applied, err := s.Commit(t.Context(), benchUpdate(written)); err != nil || !applied {
		t.Errorf("with room again: applied %v, error %v", applied, err)
	}
	runs, err := s.Runs(t.Context(), store.RunFilter{Limit: 100_000})
	if err != nil || len(runs) != written+1 {
		t.Errorf("%d runs, want %d; error %v", len(runs), written+1, err)
	}
}

// What Commit reported is there after the process was killed on the spot.
func TestKilled(t *testing.T) {
	if url := os.Getenv("STORE_TEST_KILL"); url != "" {
		s, err := store.Open(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100_000 {
			if _, err := s.Commit(context.Background(), benchUpdate(i)); err != nil {
				t.Fatal(err)
			}
			fmt.Printf("done %d\n", i)
		}
	}
	url := sqliteURL(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
	cmd.Env = append(os.Environ(), "STORE_TEST_KILL="+url)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	said := strings.Count(out.String(), "done ")
	s := openStore(t, url)
	runs, err := s.Runs(t.Context(), store.RunFilter{Limit: 200_000})
	if err != nil || said == 0 || len(runs) < said || len(runs) > said+1 {
		t.Errorf("%d updates were reported, %d are there; error %v", said, len(runs), err)
	}
}

func TestForeignLockIsWaitedFor(t *testing.T) {
	url := sqliteURL(t)
	s := openStore(t, url)
	db := openSQL(t, url)
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.Commit(context.WithoutCancel(t.Context()), benchUpdate(1))
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("a commit did not wait for the lock: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("commit after the lock was free: %v", err)
	}
}

func openStore(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openSQL(t *testing.T, url string) *sql.DB {
	t.Helper()
	path := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(strings.TrimPrefix(url, "sqlite:"))
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
