package secrets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"sync"

	"github.com/bmatcuk/doublestar/v4"

	"fairlead.dev"
	"fairlead.dev/credential"
)

// mostSightings is how many places of secrets a scan tells of. Whoever has more
// is looking at something that should not be scanned.
const mostSightings = 10_000

// scan looks at files, several at a time, and collects what it finds.
type scan struct {
	root   *os.Root
	finder *credential.Finder
	config Config
	known  map[string]bool
	limit  int64 // bytes of a file

	mu        sync.Mutex
	sightings []sighting
	notes     []string // about files that were not scanned
	large     []string // their paths
	scanned   int
	skipped   int
	bytes     int64

	knownSeen int
}

// sighting is a hit at a place.
type sighting struct {
	credential.Hit
	path   string
	object string // of git's, when it comes from the history
}

// job is a file to look at.
type job struct {
	path    string
	size    int64
	object  string
	content []byte // nil: it is read from the tree
}

func newScan(c Config) (*scan, error) {
	for _, g := range c.Allow {
		if !doublestar.ValidatePattern(g) {
			return nil, problem(fairlead.KindInvalid, "globs are like docs/**/*.md", fmt.Errorf("allow: %q is not a glob", g))
		}
	}
	f, err := credential.New(credential.Options{InlineAllow: c.InlineAllow})
	if err != nil {
		return nil, err
	}
	s := &scan{finder: f, config: c, known: map[string]bool{}, limit: int64(c.MaxMiB) * mebibyte}
	for _, f := range c.Known {
		s.known[f] = true
	}
	return s, nil
}

// each looks at all files that list hands out, and gives the first error of
// either side.
func (s *scan) each(ctx context.Context, list func(ctx context.Context, hand func(job) error) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	jobs := make(chan job, 64)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			var room []byte // for the content of one file after the other
			for j := range jobs {
				if err := s.file(ctx, j, &room); err != nil {
					cancel(err)
				}
			}
		})
	}
	err := list(ctx, func(j job) error {
		select {
		case jobs <- j:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(jobs)
	workers.Wait()
	return cmp.Or(context.Cause(ctx), err)
}

// paths hands out the files of a change. A path that is gone was deleted; a
// directory is a submodule, whose content has its own deliveries.
func (s *scan) paths(paths []string) func(context.Context, func(job) error) error {
	return func(_ context.Context, hand func(job) error) error {
		for _, p := range paths {
			info, err := s.root.Lstat(p)
			if errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir() {
				continue
			}
			if err == nil {
				err = s.hand(path.Clean(p), info, hand)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// tree hands out all files. Git's own are not source.
func (s *scan) tree(ctx context.Context, hand func(job) error) error {
	return fs.WalkDir(s.root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return s.hand(p, info, hand)
	})
}

// hand hands a file of the tree out. Symlinks and other special files are passed
// over: what a link points to is scanned under its own name.
func (s *scan) hand(p string, info fs.FileInfo, hand func(job) error) error {
	if !info.Mode().IsRegular() || s.allowed(p) {
		return nil
	}
	return hand(job{path: p, size: info.Size()})
}

func (s *scan) allowed(p string) bool {
	return slices.ContainsFunc(s.config.Allow, func(g string) bool { return doublestar.MatchUnvalidated(g, p) })
}

// file looks at one file, which is read into room.
func (s *scan) file(ctx context.Context, j job, room *[]byte) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if j.size > s.limit {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.skipped++
		s.large = append(s.large, j.path)
		s.notes = append(s.notes, fmt.Sprintf("%s: not scanned: %d MiB, the limit is %d", j.path, j.size/mebibyte, s.limit/mebibyte))
		return nil
	}
	content := j.content
	if content == nil {
		var err error
		if content, err = s.read(j.path, j.size, room); err != nil {
			return err
		}
	}
	hits := s.finder.Find(ctx, j.path, content)
	s.mu.Lock()
	defer s.mu.Unlock()
	if credential.Binary(content) {
		s.skipped++
	} else {
		s.scanned++
		s.bytes += int64(len(content))
	}
	for _, h := range hits {
		s.sightings = append(s.sightings, sighting{Hit: h, path: j.path, object: j.object})
	}
	if len(s.sightings) > mostSightings {
		return problem(fairlead.KindFailed, "name files that are no source under allow",
			fmt.Errorf("more than %d secrets, the last in %s", mostSightings, j.path))
	}
	return nil
}

func (s *scan) read(p string, size int64, room *[]byte) ([]byte, error) {
	f, err := s.root.Open(p)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size = min(size, s.limit) // what grows meanwhile is of the next scan
	*room = slices.Grow((*room)[:0], int(size))
	content := (*room)[:size]
	n, err := io.ReadFull(f, content)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = nil
	}
	return content[:n], err
}
