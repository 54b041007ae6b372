package worktree

import (
	"context"
	"slices"
	"strings"
)

// authors gives the e-mail addresses of everybody who made a change: authors,
// committers and co-authors of its commits, lower-case, sorted, each once.
// Without a base it is the one commit's, however long its history.
func (r *Repo) authors(ctx context.Context, base, commit string) ([]string, error) {
	args := []string{"log", "-z", "--no-color", "--format=format:%ae%x0a%ce%x0a%(trailers:key=Co-authored-by,valueonly,unfold)"}
	if base == "" {
		args = append(args, "-1", commit, "--")
	} else {
		args = append(args, commit, "^"+base, "--")
	}
	out, err := git(ctx, r.root, args...)
	if err != nil {
		return nil, problem(ctx, "read the authors of a change", err)
	}
	var all []string
	for _, line := range strings.FieldsFunc(string(out), func(c rune) bool { return c == '\n' || c == 0 }) {
		if _, address, ok := strings.Cut(line, "<"); ok { // a co-author: Name <address>
			line, _, _ = strings.Cut(address, ">")
		}
		if line = strings.ToLower(strings.TrimSpace(strings.ToValidUTF8(line, "\ufffd"))); line != "" {
			all = append(all, line)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
