package licences

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"fairlead.dev/licence"
)

// placesOf opens where texts may lie. Without a variable GOMODCACHE, or a go
// command on the path, there is no such place. done closes them.
func placesOf(env []string, tree fs.FS) (places licence.Places, done func()) {
	var open []*os.Root
	at := func(dir string) fs.FS {
		root, err := os.OpenRoot(dir)
		if dir == "" || err != nil {
			return nil
		}
		open = append(open, root)
		return root.FS()
	}
	places = licence.Places{Tree: tree, Modules: at(variable(env, "GOMODCACHE")), Go: at(goRoot(variable(env, "PATH")))}
	return places, func() {
		for _, r := range open {
			r.Close()
		}
	}
}

func variable(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if v, ok := strings.CutPrefix(env[i], name+"="); ok {
			return v
		}
	}
	return ""
}

// goRoot is the directory of the Go whose command is first on the path.
func goRoot(path string) string {
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		if file, err := filepath.EvalSymlinks(filepath.Join(dir, "go")); err == nil {
			return filepath.Dir(filepath.Dir(file))
		}
	}
	return ""
}
