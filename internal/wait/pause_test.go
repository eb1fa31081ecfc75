package wait

import (
	"testing"
	"time"
)

// TestPause has pauses take about as long as they say, whatever a hint takes: by the
// shortest of a few runs, and long ones, for the clock may be coarse. On a busy machine
// all of them take longer.
func TestPause(t *testing.T) {
	for _, d := range []time.Duration{500 * time.Nanosecond, 2 * time.Microsecond} {
		const times = 20_000
		least := time.Hour
		for range 5 {
			start := time.Now()
			for range times {
				Pause(d)
			}
			least = min(least, time.Since(start)/times)
		}
		t.Logf("a pause of %v takes %v", d, least)
		if least < d/10 || least > 200*d {
			t.Errorf("a pause of %v takes %v", d, least)
		}
	}
}
