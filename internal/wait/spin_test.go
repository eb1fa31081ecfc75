package wait

import (
	"runtime"
	"sync/atomic"
	"testing"
)

// TestSpinLetsOthersRun has the goroutines of the process run before the first try, as the
// caller may have made them ready, and between later ones.
func TestSpinLetsOthersRun(t *testing.T) {
	if !multiCPU() {
		t.Skip("this machine has one CPU: nobody spins")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	// Each 61st time, the scheduler takes first from the queue where the caller is.
	const attempts = 3
	first, later := false, false
	for range attempts {
		var l luck
		tries := 0
		var ranFirst, ranLater atomic.Bool
		go func() { ranFirst.Store(true) }()
		l.spin(func() bool {
			switch tries++; {
			case tries == 1:
				first = first || ranFirst.Load()
				go func() { ranLater.Store(true) }()
			case tries == 1+2*polls:
				later = later || ranLater.Load()
			}
			return tries > 2*polls
		})
		if tries <= 2*polls { // its time was over, on a busy machine
			later = later || ranLater.Load()
		}
	}
	if !first {
		t.Error("a goroutine that is ready has not run before the first try")
	}
	if !later {
		t.Errorf("a goroutine that became ready has not run before try %d", 1+2*polls)
	}
}

// TestSpinGivesUp has a spin that never succeeds given up, and tried again now and then.
func TestSpinGivesUp(t *testing.T) {
	if !multiCPU() {
		t.Skip("this machine has one CPU: nobody spins")
	}
	var l luck
	never := func() bool { return false }
	for range maxMisses {
		if !l.promising() {
			t.Fatal("a spin is given up too early")
		}
		l.spin(never)
	}
	spins := 0
	for range 4 * retry {
		if l.promising() {
			spins++
		}
		l.spin(never)
	}
	if spins != 4 {
		t.Errorf("%d of %d waits spin although it does not pay, want 4", spins, 4*retry)
	}
	for tries := 0; l.misses != 0 && l.misses < 1000; tries = 0 {
		l.spin(func() bool { tries++; return tries == 2 })
	}
	if !l.promising() || l.misses != 0 {
		t.Error("no spin after one that has paid")
	}
}
