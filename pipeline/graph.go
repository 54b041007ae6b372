package pipeline

import (
	"slices"
)

// node is one piece of work and what it needs, by id.
type node struct {
	id    string
	needs []string
}

// order sorts nodes so that each comes after all it needs and otherwise keeps
// their order. It gives their indices; or, when the needs form a cycle, the
// cycle's ids with the first repeated at the end. Needs that are not among the
// nodes are passed over.
func order(nodes []node) (sorted []int, cycle []string) {
	index := make(map[string]int, len(nodes))
	for i, n := range nodes {
		index[n.id] = i
	}
	w := walk{nodes: nodes, index: index, state: make([]visit, len(nodes))}
	for i := range nodes {
		if cycle := w.from(i); cycle != nil {
			return nil, cycle
		}
	}
	return w.sorted, nil
}

type visit uint8

const (
	unvisited visit = iota
	onPath
	finished
)

// walk is a depth-first walk over needs.
type walk struct {
	nodes  []node
	index  map[string]int
	state  []visit
	path   []string
	sorted []int
}

// from visits a node after everything it needs; the answer is a cycle or nil.
func (w *walk) from(i int) []string {
	n := w.nodes[i]
	switch w.state[i] {
	case finished:
		return nil
	case onPath:
		start := slices.Index(w.path, n.id)
		return append(slices.Clone(w.path[start:]), n.id)
	}
	w.state[i] = onPath
	w.path = append(w.path, n.id)
	for _, need := range n.needs {
		if j, ok := w.index[need]; ok {
			if cycle := w.from(j); cycle != nil {
				return cycle
			}
		}
	}
	w.path = w.path[:len(w.path)-1]
	w.state[i] = finished
	w.sorted = append(w.sorted, i)
	return nil
}
