package engine_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"fairlead.dev/engine"
)

// Processes that start on a new database at the same moment, and then all
// write as fast as they can, do not get in each other's way.
func TestManyProcessesOnOneDatabase(t *testing.T) {
	onEach(t, func(t *testing.T, url string) {
		if !strings.HasPrefix(url, "sqlite:") {
			url = strings.Replace(url, "/test", "/missing_test", 1) // made by who comes first
		}
		var wg sync.WaitGroup
		for i := range 3 {
			dir := t.TempDir()
			cmd := child(t, url, "many", "", dir)
			wg.Go(func() {
				if out, err := cmd.CombinedOutput(); err != nil || string(out) != "done\n" {
					t.Errorf("process %d: %v\n%s", i, err, out)
				}
			})
		}
		defer wg.Wait()
		e, err := engine.Open(t.Context(), engine.Config{URL: url, Version: "1"})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close(5 * time.Second)
		registerAll(e, "")
		launch(t, e)
		for i := range 8 {
			if err := engine.Start(t.Context(), e, "many", fmt.Sprint("here", i), ""); err != nil {
				t.Error(err)
			}
		}
		for i := range 8 {
			if _, err := engine.Result[string](t.Context(), e, fmt.Sprint("here", i)); err != nil {
				t.Error(err)
			}
		}
	})
}
