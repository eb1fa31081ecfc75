//go:build linux

package main

import "testing"

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{4, 1}, spread{1.75, 2.5, 3.25}},
		{[]float64{5, 1, 3, 2, 4}, spread{2, 3, 4}},
		{[]float64{1, 1, 1, 1, 1, 1000, 1}, spread{1, 1, 1}}, // one that was disturbed
	} {
		if got := spreadOf(c.values); got != c.want {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}

// TestRatioWithinSamples: a machine that drifts by a factor of ten, where the second
// system always takes twice the time, and the third one half.
func TestRatioWithinSamples(t *testing.T) {
	samples := []sample{{1, 2, 0.5}, {10, 20, 5}, {3, 6, 1.5}}
	for i, want := range []float64{1, 2, 0.5} {
		if got := ratio(samples, i); got != (spread{want, want, want}) {
			t.Errorf("system %d: %v, want %v", i, got, want)
		}
	}
	if got := cost(samples, 1); got.middle != 6 {
		t.Errorf("cost %v, want 6", got)
	}
	// Here, the ratio of the medians would be 4.
	if got := ratio([]sample{{1, 3}, {10, 10}, {2, 8}}, 1); got.middle != 3 {
		t.Errorf("ratio %v, want 3", got)
	}
}
