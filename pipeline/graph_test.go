package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestOrderOfAnyGraph(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "n")
		nodes := make([]node, n)
		for i := range nodes {
			nodes[i].id = fmt.Sprint(i)
			for range rapid.IntRange(0, 3).Draw(t, "needs") {
				nodes[i].needs = append(nodes[i].needs, fmt.Sprint(rapid.IntRange(0, n-1).Draw(t, "need")))
			}
		}
		sorted, cycle := order(nodes)
		if cycle != nil {
			checkCycle(t, nodes, cycle)
			return
		}
		at := map[string]int{}
		for place, i := range sorted {
			at[nodes[i].id] = place
		}
		if len(sorted) != n || len(at) != n {
			t.Fatalf("%d of %d nodes are sorted", len(at), n)
		}
		for _, node := range nodes {
			for _, need := range node.needs {
				if at[need] >= at[node.id] {
					t.Fatalf("%s comes before %s, which it needs", node.id, need)
				}
			}
		}
	})
}

// checkCycle holds that every id of a cycle needs the next, and that the last
// is the first.
func checkCycle(t *rapid.T, nodes []node, cycle []string) {
	if len(cycle) < 2 || cycle[0] != cycle[len(cycle)-1] {
		t.Fatalf("not closed: %v", cycle)
	}
	for i := range len(cycle) - 1 {
		j := slices.IndexFunc(nodes, func(n node) bool { return n.id == cycle[i] })
		if !slices.Contains(nodes[j].needs, cycle[i+1]) {
			t.Fatalf("%s does not need %s", cycle[i], cycle[i+1])
		}
	}
}

// Without cycles by construction: the order that is already right is kept.
func TestOrderIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		nodes := make([]node, n)
		for i := range nodes {
			nodes[i].id = fmt.Sprint(i)
			for range rapid.IntRange(0, min(i, 3)).Draw(t, "needs") {
				nodes[i].needs = append(nodes[i].needs, fmt.Sprint(rapid.IntRange(0, i-1).Draw(t, "need")))
			}
		}
		sorted, cycle := order(nodes)
		if cycle != nil || !slices.IsSorted(sorted) {
			t.Fatalf("have %v, cycle %v", sorted, cycle)
		}
	})
}

// Tasks of a plan keep the promise of Plan.Tasks through matrix expansion.
func TestTasksComeAfterWhatTheyNeed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "n")
		names := rapid.Permutation([]string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}).Draw(t, "names")
		var b strings.Builder
		b.WriteString("version: 1\ntests:\n")
		for _, i := range rapid.Permutation(slices.Collect(upTo(n))).Draw(t, "written") {
			var needs []string
			for range rapid.IntRange(0, min(i, 3)).Draw(t, "needs") {
				needs = append(needs, names[rapid.IntRange(0, i-1).Draw(t, "need")])
			}
			fmt.Fprintf(&b, "  %s: {run: x, needs: [%s]", names[i], strings.Join(needs, ", "))
			if cells := rapid.IntRange(0, 3).Draw(t, "cells"); cells > 0 {
				fmt.Fprintf(&b, ", matrix: {v: [%s]}", strings.Join([]string{"1", "2", "3"}[:cells], ", "))
			}
			b.WriteString("}\n")
		}
		cfg, err := Read(Source{Name: "f", Data: []byte(b.String())}, testCatalog())
		if err != nil {
			t.Fatal(err)
		}
		p, err := Plan(cfg, push("main"), nil, testCatalog())
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, task := range p.Tasks {
			for _, need := range task.Needs {
				if !seen[need] {
					t.Fatalf("%s comes before %s, which it needs\n%s", task.ID, need, b.String())
				}
			}
			if seen[task.ID] {
				t.Fatalf("%s is twice in the plan", task.ID)
			}
			seen[task.ID] = true
		}
	})
}

func upTo(n int) func(yield func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}
