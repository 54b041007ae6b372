package secrets

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"fairlead.dev"
	"fairlead.dev/command"
	"fairlead.dev/step"
)

// mostCommits is how many findings of the history are told the commit of; each
// takes a walk through the history.
const mostCommits = 50

// history hands out every version of every file that a branch, a tag or the
// commit leads to, each once.
type history struct {
	in    step.In
	limit int64
	skip  func(path string) bool
}

// isRepository tells whether the workspace has a history.
func (h history) isRepository() bool {
	_, err := os.Lstat(filepath.Join(h.in.Workspace, ".git"))
	return err == nil
}

func (h history) blobs(ctx context.Context, hand func(job) error) error {
	paths, order, err := h.objects(ctx)
	if err != nil {
		return err
	}
	list := filepath.Join(h.in.Scratch, "objects")
	defer os.Remove(list)
	var wanted strings.Builder
	if err := os.WriteFile(list, []byte(strings.Join(order, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	err = h.git(ctx, list, func(out *bufio.Reader) error {
		return lines(out, func(line string) error {
			f := strings.Fields(line)
			if len(f) != 3 || f[1] != "blob" {
				return nil
			}
			size, err := strconv.ParseInt(f[2], 10, 64)
			if err != nil {
				return err
			}
			if size > h.limit {
				return hand(job{path: paths[f[0]], size: size, object: f[0]})
			}
			wanted.WriteString(f[0] + "\n")
			return nil
		})
	}, "cat-file", "--batch-check")
	if err != nil || wanted.Len() == 0 {
		return err
	}
	if err := os.WriteFile(list, []byte(wanted.String()), 0o600); err != nil {
		return err
	}
	return h.git(ctx, list, func(out *bufio.Reader) error { return contents(out, paths, hand) }, "cat-file", "--batch")
}

// objects lists what has a path, in git's order, with the first path of each.
func (h history) objects(ctx context.Context) (paths map[string]string, order []string, err error) {
	paths = map[string]string{}
	err = h.git(ctx, "", func(out *bufio.Reader) error {
		return lines(out, func(line string) error {
			id, path, ok := strings.Cut(line, " ")
			if !ok || path == "" || h.skip(path) || paths[id] != "" {
				return nil
			}
			paths[id] = path
			order = append(order, id)
			return nil
		})
	}, "rev-list", "--objects", "--all", "HEAD")
	return paths, order, err
}

// contents reads what `git cat-file --batch` writes: a header line, the bytes,
// a line break.
func contents(out *bufio.Reader, paths map[string]string, hand func(job) error) error {
	for {
		header, err := out.ReadString('\n')
		if errors.Is(err, io.EOF) && header == "" {
			return nil
		}
		if err != nil {
			return err
		}
		f := strings.Fields(header)
		if len(f) != 3 {
			continue // "<object> missing": of a shallow or partial clone
		}
		size, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil || size < 0 {
			return fmt.Errorf("git gives the size %q", f[2])
		}
		content := make([]byte, size)
		if _, err := io.ReadFull(out, content); err != nil {
			return err
		}
		if _, err := out.Discard(1); err != nil {
			return err
		}
		if err := hand(job{path: paths[f[0]], size: size, object: f[0], content: content}); err != nil {
			return err
		}
	}
}

// introduced gives the commit that brought an object in, "" when git knows none.
func (h history) introduced(ctx context.Context, object string) (string, error) {
	last := ""
	err := h.git(ctx, "", func(out *bufio.Reader) error {
		return lines(out, func(line string) error { last = line; return nil })
	}, "log", "--all", "HEAD", "--format=%H", "--find-object="+object)
	return last, err
}

func lines(out *bufio.Reader, each func(string) error) error {
	for {
		line, err := out.ReadString('\n')
		if line = strings.TrimSuffix(line, "\n"); line != "" {
			if err := each(line); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// git runs git and gives what it writes to read. What a repository says about
// filters, hooks and monitors is not done: none of the commands used here would,
// and what is missing is not fetched.
func (h history) git(ctx context.Context, input string, read func(*bufio.Reader) error, args ...string) error {
	trouble := filepath.Join(h.in.Scratch, "git-says")
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := read(bufio.NewReaderSize(r, 256<<10))
		r.CloseWithError(cmpErr(err, io.ErrClosedPipe))
		done <- err
	}()
	env := append([]string{}, h.in.Env...)
	env = append(env, "GIT_SAYS="+trouble, "GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_NO_REPLACE_OBJECTS=1", "GIT_ARGS=core.fsmonitor=false")
	script := `exec git -c "$GIT_ARGS" --no-pager ` + strings.Join(args, " ") + ` 2>"$GIT_SAYS"`
	result, err := command.Run(ctx, command.Spec{Shell: script, Dir: h.in.Workspace, Env: env, Input: input, Output: w, Hide: h.in.Hide, ReadOnly: h.in.ReadOnly})
	_ = w.Close() // ends the reader
	rerr := <-done
	switch {
	case rerr != nil && !errors.Is(rerr, io.ErrClosedPipe):
		return rerr
	case err != nil:
		return err
	case result.Interrupted() != nil:
		return result.Interrupted()
	case !result.Succeeded():
		said, _ := os.ReadFile(trouble)
		return problem(fairlead.KindUnavailable, "is it a complete git repository?",
			fmt.Errorf("git %s: %s: %s", args[0], result, bytes.TrimSpace(said[:min(len(said), 400)])))
	}
	return nil
}

func cmpErr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

// tell adds to findings the commit that brought them in.
func (h history) tell(ctx context.Context, findings []fairlead.Finding) error {
	for i := range findings[:min(len(findings), mostCommits)] {
		object, ok := strings.CutPrefix(findings[i].Resource, "object ")
		if !ok {
			continue
		}
		commit, err := h.introduced(ctx, object)
		if err != nil {
			return err
		}
		if commit != "" {
			findings[i].Resource = "commit " + commit
		}
	}
	return nil
}
