package worker

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// mostCache is how much one step type may keep of one service, in bytes, and
// cacheRest what is left of it when it kept more.
const (
	mostCache = 2 << 30
	cacheRest = mostCache / 2
)

// inUse is how long a file stays for certain after it was used: another run may
// be about to read it. Go's own cache notes a use once an hour.
const inUse = 2 * time.Hour

// boundCache removes from a step's cache what was not used for longest, when
// there is more than most bytes, until rest is left. What was used a moment ago
// stays. What cannot be removed stays too: a cache only makes things faster.
func boundCache(dir string, most, rest int64, now time.Time) {
	type file struct {
		path string
		size int64
		used time.Time
	}
	var files []file
	var sum int64
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // what cannot be read is left alone
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
			files = append(files, file{path, info.Size(), info.ModTime()})
		}
		return nil
	})
	if sum <= most {
		return
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.used.Compare(b.used), cmp.Compare(a.path, b.path)) })
	for _, f := range files {
		if sum <= rest || now.Sub(f.used) < inUse {
			return
		}
		if os.Remove(f.path) == nil {
			sum -= f.size
		}
	}
}
