package worker

import (
	"errors"
	"fmt"
	"os"

	"fairlead.dev"
)

// anchor is a directory that is held open, so that what it is does not hang on
// its name.
type anchor struct {
	path string
	file *os.File
	info os.FileInfo
}

// hold opens directories; they stay open as long as the worker is used.
func hold(dirs []string) ([]anchor, error) {
	var all []anchor
	for _, dir := range dirs {
		f, err := os.Open(dir)
		if err != nil {
			return nil, unavailable("hide "+dir, err)
		}
		info, err := f.Stat()
		if err != nil {
			return nil, errors.Join(unavailable("hide "+dir, err), f.Close())
		}
		all = append(all, anchor{path: dir, file: f, info: info})
	}
	return all, nil
}

// hidden gives what commands must not see, by names that follow the
// directories wherever they go. Nothing runs any more once one has been
// replaced: what is at its path now was made by somebody else.
func (w *Worker) hidden() ([]string, error) {
	if w.trouble != nil {
		return nil, w.trouble
	}
	var names []string
	for _, a := range w.hide {
		now, err := os.Stat(a.path)
		if err != nil || !os.SameFile(a.info, now) {
			return nil, &fairlead.Problem{
				Op: "hide " + a.path, Kind: fairlead.KindUnavailable, Err: errors.New("another directory was put in its place"),
				Hint: "a task may have done it: look at what ran, and do not trust the directory that is there now",
			}
		}
		names = append(names, fmt.Sprintf("/proc/self/fd/%d", a.file.Fd()))
	}
	return names, nil
}
