package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
)

func main() {
	runs := flag.Int("runs", 500, "analyses of each family")
	only := flag.String("only", "", "only families whose name contains this")
	heldOut := flag.Bool("held-out", false, "score the families that were held out too")
	flag.Parse()
	for _, f := range families() {
		if f.heldOut && !*heldOut || !strings.Contains(f.name, *only) {
			continue
		}
		fmt.Fprintln(os.Stdout, line(f, *runs))
	}
}

func line(f family, runs int) string {
	all := each(runs, func(i int) verdict { return ask(f, f.draw(i), policyOf(f)) })
	var worse []int
	promoted := 0
	for _, v := range all {
		if v.worse > 0 {
			worse = append(worse, v.worse)
		}
		if v.promoted > 0 {
			promoted++
		}
	}
	slices.Sort(worse)
	middle := 0
	if len(worse) > 0 {
		middle = worse[len(worse)/2]
	}
	return fmt.Sprintf("%-30s worse %5.1f%% median %2d  promoted %5.1f%%", f.name, 100*float64(len(worse))/float64(runs), middle, 100*float64(promoted)/float64(runs))
}

// each computes something for every run, on all processors.
func each[T any](n int, of func(i int) T) []T {
	out := make([]T, n)
	var group sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		group.Go(func() {
			for i := w; i < n; i += workers {
				out[i] = of(i)
			}
		})
	}
	group.Wait()
	return out
}
