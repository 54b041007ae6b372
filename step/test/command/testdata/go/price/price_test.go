package price

import (
	"os"
	"testing"
)

func TestSum(t *testing.T) {
	for name, prices := range map[string][]int{"none": nil, "one": {3}} {
		t.Run(name, func(t *testing.T) {
			if Sum(prices...) != 3*len(prices) {
				t.Error("wrong")
			}
		})
	}
}

func TestWrong(t *testing.T) {
	if os.Getenv("WRONG") != "" {
		t.Errorf("sum is %d, want 4", Sum(1, 2))
	}
}

func TestFlaky(t *testing.T) {
	if os.Getenv("FLAKY") == "" {
		t.Skip("not asked for")
	}
	if _, err := os.Stat("ran-before"); err != nil {
		_ = os.WriteFile("ran-before", nil, 0o600)
		t.Fatal("fails the first time, with token hunter2hunter2")
	}
	_ = os.Remove("ran-before")
}
