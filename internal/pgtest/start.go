package pgtest

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// Off is the environment variable that, set to "off", lets tests that need
// PostgreSQL be skipped where it is not installed.
const Off = "FAIRLEAD_TEST_POSTGRES"

// A test binary shares one server: its databases are as separate as servers
// would be, and cost milliseconds instead of a second. The server ends with
// the binary, and its directory goes with it.
var (
	shared = sync.OnceValues(func() (*server, error) {
		dir, err := os.MkdirTemp("", "pgtest")
		if err != nil {
			return nil, err
		}
		return launch(dir, true)
	})
	databases atomic.Int64
)

// Start gives the URL of a fresh database, which is dropped at the end of the
// test. Where PostgreSQL is missing the test fails and says what to install;
// with FAIRLEAD_TEST_POSTGRES=off it is skipped.
func Start(tb testing.TB) (url string) {
	tb.Helper()
	s, err := shared()
	if errors.Is(err, ErrMissing) && os.Getenv(Off) == "off" {
		tb.Skipf("NOT TESTED on PostgreSQL: %v (%s=off)", err, Off)
	}
	if err != nil {
		tb.Fatal(err)
	}
	name := fmt.Sprintf("test%d", databases.Add(1))
	if err := query(s.url("postgres"), "CREATE DATABASE "+name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := query(s.url("postgres"), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return s.url(name)
}
