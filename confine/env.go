package confine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// golang says where this machine's Go keeps what the go command reads.
type golang struct {
	Root  string `json:"GOROOT"`
	Cache string `json:"GOMODCACHE"`
}

// goDirs asks the go command; without one all is empty.
func goDirs(ctx context.Context) golang {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "env", "-json", "GOROOT", "GOMODCACHE")
	cmd.Dir = "/" // no go.mod of anybody's chooses another toolchain
	out, err := cmd.Output()
	var g golang
	if err != nil || json.Unmarshal(out, &g) != nil {
		return golang{}
	}
	return g
}

// needed are the directories that the child's go command reads, for a home that
// is hidden.
func (g golang) needed() []string {
	var dirs []string
	for _, dir := range []string{g.Root, g.Cache} {
		if info, err := os.Stat(dir); dir != "" && err == nil && info.IsDir() {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// environment is the child's, complete. What Go built is kept in cache, "" for
// nowhere. The go command in it finds modules that
// were downloaded before, and no others; it builds without C, which would run
// compilers with flags that the source chooses.
func environment(memory int, scratch, cache string, g golang) []string {
	env := []string{
		"HOME=" + filepath.Join(scratch, "home"), "TMPDIR=" + filepath.Join(scratch, "tmp"), "LANG=C.UTF-8", "CI=true",
		"PATH=" + os.Getenv("PATH"), marker + "=1",
		// The collector works harder near the limit, so that what is garbage is not what it is exceeded with.
		fmt.Sprintf("GOMEMLIMIT=%dMiB", memory*7/8), "GOTRACEBACK=single",
		"GOCACHE=" + filepath.Join(cmp.Or(cache, scratch), "go-build"), "GOENV=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off",
		"GOTOOLCHAIN=auto", "GOTELEMETRY=off", "CGO_ENABLED=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
	}
	if g.Cache != "" {
		env = append(env, "GOMODCACHE="+g.Cache)
	}
	return env
}
