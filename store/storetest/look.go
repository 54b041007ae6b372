package storetest

import (
	"fmt"
	"sync"
	"testing"

	"fairlead.dev"
)

func testLooks(t *testing.T, url string) {
	s := open(t, url)
	ctx := t.Context()
	looks, cursor, err := s.Looks(ctx, "d1")
	wantKind(t, err, "")
	if len(looks) != 0 || cursor != nil {
		t.Errorf("before the first look: %q, %q", looks, cursor)
	}
	for i := 1; i <= 12; i++ {
		added, err := s.AddLook(ctx, "d1", i, fmt.Appendf(nil, "look %d \x00\xff", i), fmt.Appendf(nil, "cursor %d", i))
		wantKind(t, err, "")
		if !added {
			t.Errorf("look %d was not added", i)
		}
	}
	again, err := s.AddLook(ctx, "d1", 5, []byte("another"), []byte("another"))
	wantKind(t, err, "")
	if again {
		t.Error("a look was added twice")
	}
	_, err = s.AddLook(ctx, "d2", 1, []byte("other"), []byte("other"))
	wantKind(t, err, "")
	for _, bad := range []int{0, -1} {
		_, err = s.AddLook(ctx, "d1", bad, []byte("x"), []byte("x"))
		wantKind(t, err, fairlead.KindInvalid)
	}
	looks, cursor, err = s.Looks(ctx, "d1")
	wantKind(t, err, "")
	if len(looks) != 12 || string(looks[4]) != "look 5 \x00\xff" || string(looks[11]) != "look 12 \x00\xff" || string(cursor) != "cursor 12" {
		t.Errorf("%d looks, fifth %q, cursor %q", len(looks), looks[min(4, len(looks)-1)], cursor)
	}
}

// testLookRace holds that of two who keep the same look one wins, and that the
// cursor is the winner's.
func testLookRace(t *testing.T, url string) {
	s := open(t, url)
	const racers = 8
	won := make([]bool, racers)
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			added, err := s.AddLook(t.Context(), "d1", 1, fmt.Appendf(nil, "%d", i), fmt.Appendf(nil, "%d", i))
			if err != nil {
				t.Error(err)
			}
			won[i] = added
		})
	}
	wg.Wait()
	looks, cursor, err := s.Looks(t.Context(), "d1")
	wantKind(t, err, "")
	n := 0
	for i, w := range won {
		if !w {
			continue
		}
		n++
		if string(looks[0]) != fmt.Sprint(i) || string(cursor) != fmt.Sprint(i) {
			t.Errorf("look %q and cursor %q are not those of %d, who was told that it won", looks[0], cursor, i)
		}
	}
	if n != 1 || len(looks) != 1 {
		t.Errorf("%d won, %d looks", n, len(looks))
	}
}
