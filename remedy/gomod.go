package remedy

import (
	"strings"

	"golang.org/x/mod/modfile"
)

// incompatibly is the end of a version from 2 on of a module whose path does not
// say so. Advisories leave it out.
const incompatibly = "+incompatible"

// editGoMod changes the version of a requirement, or of Go itself.
func editGoMod(content []byte, c Change) ([]byte, error) {
	f, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		return nil, incomplete("it is malformed: %v", err)
	}
	if c.Name == "stdlib" {
		return editGo(f, content, c)
	}
	to := goVersion(c.To)
	for _, r := range f.Replace {
		if strings.EqualFold(r.Old.Path, c.Name) {
			return nil, incomplete("it is replaced by %s", r.New.Path)
		}
	}
	for _, r := range f.Exclude {
		if strings.EqualFold(r.Mod.Path, c.Name) && r.Mod.Version == to {
			return nil, incomplete("that version is excluded")
		}
	}
	for _, r := range f.Require {
		if strings.EqualFold(r.Mod.Path, c.Name) {
			if to != r.Mod.Version && strings.HasSuffix(r.Mod.Version, incompatibly) && !strings.HasSuffix(to, incompatibly) {
				to += incompatibly
			}
			return replaceToken(content, r.Syntax, r.Mod.Version, to)
		}
	}
	return nil, incomplete("it is not required there")
}

// editGo changes the toolchain where one is named, and otherwise the version of
// Go that the module asks for.
func editGo(f *modfile.File, content []byte, c Change) ([]byte, error) {
	to := strings.TrimPrefix(strings.TrimPrefix(c.To, "v"), "go")
	switch {
	case f.Toolchain != nil:
		return replaceToken(content, f.Toolchain.Syntax, f.Toolchain.Name, "go"+to)
	case f.Go != nil:
		return replaceToken(content, f.Go.Syntax, f.Go.Version, to)
	}
	return nil, incomplete("it does not say a version of Go")
}

// replaceToken changes the last occurrence of a word on a line.
func replaceToken(content []byte, line *modfile.Line, old, word string) ([]byte, error) {
	from, to := line.Start.Byte, line.End.Byte
	i := strings.LastIndex(string(content[from:to]), old)
	if i < 0 {
		return nil, incomplete("line %d is written in an unusual way", line.Start.Line)
	}
	edited := splice(content, from+i, from+i+len(old), word)
	if _, err := modfile.Parse("go.mod", edited, nil); err != nil {
		return nil, incomplete("%v", err)
	}
	return edited, nil
}
