// Package pgtest starts throw-away PostgreSQL servers for tests and
// benchmarks, from the binaries that a machine has installed.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrMissing is wrapped by what Launch gives when PostgreSQL is not installed.
var ErrMissing = errors.New("PostgreSQL's server is not installed: apt-get install postgresql")

const (
	superuser = "fairlead"
	startup   = 60 * time.Second
	shutdown  = 20 * time.Second
)

// Launch makes a cluster below dir and starts its server on a random port of
// the loopback interface and on a unix socket. It gives the URL of the
// database "postgres", and stop, which ends the server and waits until it is
// gone. Writes are synchronous as in production (fsync on). Run by root, the
// server runs as the owner of dir's files under an unprivileged user id.
func Launch(dir string) (url string, stop func(), err error) {
	s, err := launch(filepath.Join(dir, "pg"), false)
	if err != nil {
		return "", nil, err
	}
	return s.url("postgres"), s.stop, nil
}

func launch(dir string, sweep bool) (*server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s := &server{bin: bin, dir: dir, sweep: sweep}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	// Another process may take the free port before the server does.
	for range 3 {
		if err = s.start(); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// binaries finds the directory that holds initdb and postgres, the newest when
// there are several.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	sort.Slice(found, func(i, j int) bool { return version(found[i]) > version(found[j]) })
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			found = append(found, filepath.Dir(real))
		}
	}
	for _, dir := range found {
		if executable(filepath.Join(dir, "initdb")) && executable(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
	}
	return "", ErrMissing
}

func version(bin string) float64 {
	v, _ := strconv.ParseFloat(filepath.Base(filepath.Dir(bin)), 64)
	return v
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

type server struct {
	bin, dir string
	user     *syscall.Credential // nil: the current one
	port     int
	sweep    bool // remove dir when the server has ended
	cmd      *exec.Cmd
	life     io.Closer // the server ends when this is closed, by stop or by the end of this process
	exited   chan struct{}
}

// nobody is Debian's unprivileged user; initdb refuses root.
const nobody = 65534

func (s *server) prepare() error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		s.user = &syscall.Credential{Uid: nobody, Gid: nobody}
		if err := os.Chown(s.dir, nobody, nobody); err != nil {
			return err
		}
		if err := passable(filepath.Dir(s.dir)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), startup)
	defer cancel()
	out, err := s.command(ctx, filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", superuser, "--auth=trust", "-E", "UTF8", "--locale=C").CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// passable lets the unprivileged user walk down to dir: go test makes its
// directories with mode 0700. Only directories below the temporary one change.
func passable(dir string) error {
	for ; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if info.Mode()&0o001 == 0 {
			if err := os.Chmod(dir, info.Mode().Perm()|0o011); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

func (s *server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + s.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user, Setpgid: true}
	return cmd
}

// keeper runs the server, its arguments from the third on, until standard
// input ends. So no server outlives a test binary that is killed.
const keeper = `sweep=$1; dir=$2; shift 2
exec 3<&0
"$@" </dev/null >>log 2>&1 3<&- &
server=$!
(read -r line <&3; kill -INT $server) >/dev/null 2>&1 &
wait $server
code=$?
if [ "$sweep" = true ]; then cd / && rm -rf "$dir"; fi
exit $code`

func (s *server) start() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	s.cmd = s.command(context.Background(), "/bin/sh", "-c", keeper, "keeper", strconv.FormatBool(s.sweep), s.dir,
		filepath.Join(s.bin, "postgres"), "-D", s.data(), "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+s.dir,
		"-c", "max_connections=200", "-c", "shared_buffers=64MB")
	if s.life, err = s.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited = exited
	go func() { _ = s.cmd.Wait(); close(exited) }()
	return s.ready()
}

// ready waits until the server answers a query.
func (s *server) ready() error {
	for deadline := time.Now().Add(startup); time.Now().Before(deadline); {
		if err := query(s.url("postgres"), "SELECT 1"); err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("postgres ended at its start:\n%s", s.log())
		case <-time.After(20 * time.Millisecond):
		}
	}
	s.stop()
	return fmt.Errorf("postgres does not answer after %s:\n%s", startup, s.log())
}

func (s *server) log() []byte {
	b, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return b
}

// stop asks for a fast shutdown, and kills the server when it does not obey.
func (s *server) stop() {
	_ = s.life.Close()
	select {
	case <-s.exited:
	case <-time.After(shutdown):
		_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.exited
	}
}

func (s *server) url(database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", superuser, s.port, database)
}

func query(url, sql string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startup)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}
