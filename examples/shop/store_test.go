package main

import (
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestReplicasShareOneFile holds that replicas which start at the same moment
// on a new file all come up, and that together they never sell more than there is.
func TestReplicasShareOneFile(t *testing.T) {
	const replicas, lanterns = 4, 10
	path := filepath.Join(t.TempDir(), "shop.db")
	var sold, refused atomic.Int64
	var all sync.WaitGroup
	for range replicas {
		all.Go(func() {
			s, err := openStore(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.close()
			for range lanterns {
				switch _, err := s.place(t.Context(), 4, 1, time.Now()); {
				case err == nil:
					sold.Add(1)
				case errors.Is(err, errSoldOut):
					refused.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if sold.Load() != lanterns || refused.Load() != (replicas-1)*lanterns {
		t.Errorf("sold %d and refused %d of %d lanterns", sold.Load(), refused.Load(), lanterns)
	}
}

func TestOrderComesBackAsPlaced(t *testing.T) {
	s, err := openStore(t.Context(), filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	placed, err := s.place(t.Context(), 3, 7, time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.order(t.Context(), placed.ID)
	if err != nil || got != placed || got.Cents != 7*690 {
		t.Errorf("got %+v, %v, placed %+v", got, err, placed)
	}
	if _, err := s.order(t.Context(), placed.ID+1); !errors.Is(err, errNotFound) {
		t.Errorf("an order nobody placed: %v", err)
	}
}
