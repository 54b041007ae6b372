package pipeline

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// maxDetected bounds the size of a file that detection reads, in bytes.
const maxDetected = 1 << 20

// detection is what a tree says about itself. Empty parts were not found.
type detection struct {
	language string   // "Go", "Node", "Python"
	by       string   // file that told: "go.mod"
	build    *Build   // how to build it
	test     *Test    // how to test it
	command  []string // how to start one replica
	notes    []string // what was found and is not used, for people
	golang   bool     // there are Go modules, whatever the language of the root is
}

// missing says what was looked for when nothing was found.
func (d detection) missing() string {
	if d.language != "" {
		return ""
	}
	return " (looked for go.mod, package.json, " + strings.Join(pythonManifests(), ", ") + " and for one of " + strings.Join(pythonMains(), ", ") + ")"
}

// detect looks at the tree. The first language found wins, in the order Go,
// Node, Python; a Dockerfile is noted.
func detect(tree fs.FS, service string) detection {
	if tree == nil {
		return detection{}
	}
	t := look{tree}
	found := detection{}
	for _, language := range []func(look, string) (detection, bool){detectGo, detectNode, detectPython} {
		d, ok := language(t, service)
		if !ok {
			continue
		}
		if found.language == "" {
			found = d
		} else {
			found.notes = append(found.notes, d.by+" was found as well; "+found.by+" goes first")
		}
	}
	found.golang = t.has("go.mod") || t.below("go.mod")
	if t.has("Dockerfile") {
		found.notes = append(found.notes, "a Dockerfile was found; images are not built by detection, so name its command under build.run")
	}
	return found
}

// look reads small files of a tree; what cannot be read is not there.
type look struct{ tree fs.FS }

func (l look) has(name string) bool {
	info, err := fs.Stat(l.tree, name)
	return err == nil && info.Mode().IsRegular()
}

func (l look) text(name string) string {
	info, err := fs.Stat(l.tree, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxDetected {
		return ""
	}
	b, err := fs.ReadFile(l.tree, name)
	if err != nil {
		return ""
	}
	return string(b)
}

// first gives the first of the names that is there, or "".
func (l look) first(names ...string) string {
	for _, name := range names {
		if l.has(name) {
			return name
		}
	}
	return ""
}

// names lists a directory's entries, sorted; directories end in a slash.
func (l look) names(dir string) []string {
	entries, err := fs.ReadDir(l.tree, dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name()+"/")
			continue
		}
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return names
}

// maxDirs bounds how many directories are looked through for a file.
const maxDirs = 5000

// below tells whether a file of the name is somewhere in the tree, but for what
// others brought along. Where there is too much to look through, it may be.
func (l look) below(name string) bool {
	found, dirs := false, 0
	skip := []string{"node_modules", "vendor", "testdata"}
	_ = fs.WalkDir(l.tree, ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir // what cannot be read is not there
		case e.IsDir() && p != "." && (strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_") || slices.Contains(skip, e.Name())):
			return fs.SkipDir
		case e.IsDir():
			dirs++
		case e.Type().IsRegular() && e.Name() == name:
			found = true
		}
		if found = found || dirs > maxDirs; found {
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// maxSources bounds how many source files make up a release without a build.
const maxSources = 2000

// sources lists the files below the root whose names end in one of the
// suffixes; hidden directories, dependencies and tests are left out.
func (l look) sources(suffixes ...string) []string {
	var found []string
	skip := []string{"node_modules", "venv", "test", "tests", "__pycache__"}
	_ = fs.WalkDir(l.tree, ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir // what cannot be read is not there
		case len(found) >= maxSources:
			return fs.SkipAll
		case e.IsDir() && p != "." && (strings.HasPrefix(e.Name(), ".") || slices.Contains(skip, e.Name())):
			return fs.SkipDir
		case e.Type().IsRegular() && slices.Contains(suffixes, path.Ext(p)):
			found = append(found, p)
		}
		return nil
	})
	return found
}
