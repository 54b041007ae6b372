package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
)

func main() {
	runs := flag.Int("runs", 4000, "analyses of each healthy family")
	found := flag.Int("effects", 1000, "analyses of each bad family")
	others := flag.Int("others", 100, "analyses of each family that other rules decide on")
	only := flag.String("only", "", "measure only families whose name has this in it, and nothing else")
	out := flag.String("out", "", "file to write the page to (default: standard output)")
	shift := flag.Uint64("seeds", 0, "added to every seed: to choose settings on other analyses than those that are published")
	replays := flag.String("replays", "", "directory to write each family's first analysis to, instead of measuring")
	flag.Parse()
	var err error
	if *replays != "" {
		err = record(*replays)
	} else {
		err = publish(*runs, *found, *others, *shift, *out, *only)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// publish measures everything and writes the page.
func publish(runs, found, others int, shift uint64, out, only string) error {
	r := results{runs: runs, effects: found, others: others, cost: cost()}
	settings := map[string][]float64{}
	for _, f := range families() {
		if !strings.Contains(f.name, only) {
			continue
		}
		f.seed += shift
		size := fmt.Sprint(f.traffic, f.share)
		if settings[size] == nil && others > 0 {
			settings[size] = calibrated(f, 200)
		}
		if f.effect {
			r.found = append(r.found, measure(f, found, others, settings[size]))
		} else {
			r.nulls = append(r.nulls, measure(f, runs, others, settings[size]))
		}
		fmt.Fprintln(os.Stderr, "measured", f.name)
	}
	if only == "" || only == "safety" {
		r.safety, r.ease = safety(found, shift), ease(found, shift)
	}
	if only == "" || only == "ways" {
		r.ways = compareWays(runs/2, found, shift)
	}
	var page bytes.Buffer
	r.write(&page)
	if out == "" {
		_, err := os.Stdout.Write(page.Bytes())
		return err
	}
	return os.WriteFile(out, page.Bytes(), 0o600)
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
