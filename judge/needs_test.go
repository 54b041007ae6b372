package judge_test

import (
	"testing"

	"fairlead.dev/judge"
)

// TestNeeded holds what a plan promises: a worse release needs less to be
// found the worse it is, and less traffic is needed the more errors there are.
func TestNeeded(t *testing.T) {
	p := judge.Defaults()
	twice, fourfold, tenfold := judge.NeededForWorse(p, 0.005, 2), judge.NeededForWorse(p, 0.005, 4), judge.NeededForWorse(p, 0.005, 10)
	same, none := judge.NeededForNotWorse(p, 0.005), judge.NeededForNotWorse(p, 0)
	t.Logf("x2 %d, x4 %d, x10 %d; not worse %d, without errors %d", twice, fourfold, tenfold, same, none)
	if tenfold == 0 || fourfold <= tenfold || twice <= fourfold {
		t.Errorf("x2 %d, x4 %d, x10 %d", twice, fourfold, tenfold)
	}
	if same == 0 || none == 0 {
		t.Errorf("not worse %d, without errors %d", same, none)
	}
	if more := judge.NeededForWorse(p, 0.05, 4); more >= fourfold {
		t.Errorf("x4 of 5%% needs %d, of 0.5%% %d", more, fourfold)
	}
	if never := judge.NeededForWorse(p, 0.005, 1); never != 0 {
		t.Errorf("an equal release is found worse after %d", never)
	}
	p.Negligible = 0.01
	if less := judge.NeededForNotWorse(p, 0); less >= none || less == 0 {
		t.Errorf("without errors %d, with more of them negligible %d", none, less)
	}
}

func BenchmarkNeeded(b *testing.B) {
	for b.Loop() {
		judge.NeededForWorse(judge.Defaults(), 0.005, 2)
	}
}
