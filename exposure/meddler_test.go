package exposure_test

import (
	"context"

	"fairlead.dev"
	"fairlead.dev/store"
)

// meddler is the real store, where something else is written before the first
// commit.
type meddler struct {
	*world
	*store.Store
	meddle  func()
	commits int
}

func (m *meddler) Commit(ctx context.Context, u fairlead.Update) (bool, error) {
	if m.commits++; m.commits == 1 {
		m.meddle()
	}
	return m.Store.Commit(ctx, u)
}
