package worktree

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Listed gives the files of a directory that git knows, or would add: paths
// below it, slash-separated and sorted, as they are in the work tree. Ignored
// files and Fairlead's own are left out; so is what is inside of submodules.
// known is false where git has nothing to say: outside of a checkout, in a
// directory that is ignored as a whole, or without git.
func Listed(ctx context.Context, dir string) (files []string, known bool, err error) {
	const op = "list files"
	out, err := git(ctx, dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	var f *failure
	if errors.As(err, &f) || err != nil && ctx.Err() == nil {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, problem(ctx, op, err)
	}
	for _, path := range fields(out) {
		if path != ownDir && !strings.HasPrefix(path, ownDir+"/") {
			files = append(files, path)
		}
	}
	slices.Sort(files)
	return files, len(files) > 0, nil
}
