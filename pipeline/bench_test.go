package pipeline

import (
	"fmt"
	"strings"
	"testing"
)

// thousand is a configuration of a thousand tests in a layered graph.
func thousand() []byte {
	var b strings.Builder
	b.WriteString("version: 1\nservice: shop\nbuild: {run: make, artifacts: [bin/shop]}\ntests:\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "  test-%d:\n    run: go test -json ./part%d/...\n    report: go-test\n    timeout: 5m\n    reads: ['part%d/**']\n", i, i, i)
		if i >= 10 {
			fmt.Fprintf(&b, "    needs: [test-%d, test-%d]\n", i-10, i/2)
		}
	}
	return []byte(b.String())
}

// BenchmarkThousandTasks reads and plans a pipeline of a thousand tasks.
func BenchmarkThousandTasks(b *testing.B) {
	data, cat := thousand(), testCatalog()
	for b.Loop() {
		cfg, err := Read(Source{Name: "fairlead.yaml", Data: data}, cat)
		if err != nil {
			b.Fatal(err)
		}
		p, err := Plan(cfg, push("main"), nil, cat)
		if err != nil || len(p.Tasks) != 1003 {
			b.Fatal(len(p.Tasks), err)
		}
	}
}

// BenchmarkRead reads a file with every key, conditions included.
func BenchmarkRead(b *testing.B) {
	data, cat := goodFiles(b)["everything.yaml"], testCatalog()
	for b.Loop() {
		if _, err := Read(Source{Name: "fairlead.yaml", Data: data}, cat); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlan plans the shop's delivery.
func BenchmarkPlan(b *testing.B) {
	cfg, cat := mustRead(b, shop), testCatalog()
	for b.Loop() {
		if _, err := Plan(cfg, push("main"), nil, cat); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkConditionEnvironment makes what the first condition costs once.
func BenchmarkConditionEnvironment(b *testing.B) {
	for b.Loop() {
		if _, err := newEnv(true); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSchema makes the JSON Schema.
func BenchmarkSchema(b *testing.B) {
	cat := testCatalog()
	for b.Loop() {
		if _, err := Schema(cat); err != nil {
			b.Fatal(err)
		}
	}
}
