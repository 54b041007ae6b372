// Command peerbench runs this program and others that do the same side by side,
// in turns on the same machine, and writes a table. The others are built from
// their Go modules at the versions in test/peers/go.mod; see make bench-peers.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// bench is what is compared, and where.
type bench struct {
	fairlead, peers string // the program, and the directory of the others; absolute
	data            string // directory with osv/Go.zip and osv/PyPI.zip
	dir             string // of this run, removed afterwards
	rounds          int
	only            string // name of the one contest, "" for all
	out             io.Writer
}

// contest is one task that two programs do.
type contest struct {
	title string
	ours  []string
	peer  string
	their []string
	dir   string   // where both run
	env   []string // of both, beside the process's own
	bytes int64    // that are looked at; 0 where it does not matter
	once  bool     // one turn is enough: it takes long
	fresh string   // directory that is removed before each turn of ours, so that nothing is known from before
}

func main() {
	b := bench{out: os.Stdout}
	flag.StringVar(&b.fairlead, "fairlead", "bin/fairlead", "this program")
	flag.StringVar(&b.peers, "peers", "bin/peers", "directory of the other programs")
	flag.StringVar(&b.data, "data", filepath.Join("..", "shared", "data"), "directory with osv/Go.zip and osv/PyPI.zip")
	flag.IntVar(&b.rounds, "rounds", 3, "turns of each program")
	flag.StringVar(&b.only, "only", "", "gitleaks, osv-scanner or govulncheck: the one program to be compared with")
	flag.Parse()
	if err := b.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (b bench) run(ctx context.Context) error {
	for _, p := range []*string{&b.fairlead, &b.peers, &b.data} {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	dir, err := os.MkdirTemp("", "peerbench-")
	if err != nil {
		return err
	}
	b.dir = dir
	defer os.RemoveAll(dir)
	all, err := b.contests(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "Load of the machine: %s; both programs in turns, medians.\n\n", load())
	fmt.Fprintf(b.out, "| task | program | turns | time | processor | peak memory | |\n|---|---|---:|---:|---:|---:|---|\n")
	for _, c := range all {
		if err := b.meet(ctx, c); err != nil {
			return fmt.Errorf("%s: %w", c.title, err)
		}
	}
	return nil
}

// turn is what one run of a program took.
type turn struct {
	wall, processor time.Duration
	peak            int64 // KiB, of the largest of its processes
	said            []byte
}

// meet lets both programs do the task in turns.
func (b bench) meet(ctx context.Context, c contest) error {
	var ours, theirs []turn
	rounds := b.rounds
	if c.once {
		rounds = 1
	}
	for range rounds {
		if c.fresh != "" {
			if err := os.RemoveAll(c.fresh); err != nil {
				return err
			}
		}
		t, err := once(ctx, c, append([]string{b.fairlead}, c.ours...))
		if err != nil {
			return err
		}
		ours = append(ours, t)
		if t, err = once(ctx, c, append([]string{filepath.Join(b.peers, c.peer)}, c.their...)); err != nil {
			return err
		}
		theirs = append(theirs, t)
	}
	c.row(b.out, "fairlead", ours)
	c.row(b.out, c.peer, theirs)
	return nil
}

// once runs a program. That it found something is no error.
func once(ctx context.Context, c contest, args []string) (turn, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), c.env...)
	began := time.Now()
	said, err := cmd.CombinedOutput()
	t := turn{wall: time.Since(began), said: said}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1 && exit.ExitCode() != 3) {
		return t, fmt.Errorf("%s: %w: %s", filepath.Base(args[0]), err, said[max(0, len(said)-600):])
	}
	t.processor = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if u, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.peak = u.Maxrss
	}
	return t, nil
}

func (c contest) row(w io.Writer, name string, all []turn) {
	wall, processor := median(all, func(t turn) time.Duration { return t.wall }), median(all, func(t turn) time.Duration { return t.processor })
	peak := int64(0)
	for _, t := range all {
		peak = max(peak, t.peak)
	}
	rate := ""
	if c.bytes > 0 {
		rate = fmt.Sprintf("%.1f MB/s, %.1f MB per second of processor", float64(c.bytes)/1e6/wall.Seconds(), float64(c.bytes)/1e6/processor.Seconds())
	}
	fmt.Fprintf(w, "| %s | %s | %d | %.2f s | %.2f s | %d MB | %s |\n", c.title, name, len(all), wall.Seconds(), processor.Seconds(), peak/1024, rate)
}

func median(all []turn, of func(turn) time.Duration) time.Duration {
	var v []time.Duration
	for _, t := range all {
		v = append(v, of(t))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(b))[:3], " ")
}
