package wait

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
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

// TestSpinIsLong has a spin be long after a short sleep, as long as it pays, and not while another
// one is.
func TestSpinIsLong(t *testing.T) {
	if !multiCPU() {
		t.Skip("this machine has one CPU: nobody spins")
	}
	var l luck
	isLong := func(pays bool) bool {
		before := l.credit
		l.spin(func() bool { return pays })
		return l.credit != before
	}
	if isLong(false) {
		t.Error("a spin is long before any sleep")
	}
	l.slept(shortSleep)
	if l.credit != 0 {
		t.Error("a sleep that was not short earns credit")
	}
	beds.Add(company)
	if l.slept(0); l.credit != 0 {
		t.Error("a short sleep beside many others earns credit")
	}
	beds.Add(-company)
	l.slept(shortSleep - 1)
	spinsLong.Store(true)
	if isLong(false) {
		t.Error("two goroutines are in a long spin at once")
	}
	spinsLong.Store(false)
	beds.Add(company)
	if isLong(false) {
		t.Error("a goroutine is in a long spin while many wait")
	}
	beds.Add(-company)
	start := time.Now()
	if !isLong(false) || time.Since(start) < longSpin {
		t.Error("no long spin after a short sleep")
	}
	if isLong(false) {
		t.Error("a long spin after one that has not paid")
	}
	for range 1 - debt {
		l.slept(0)
	}
	// Those that try right after the turn of the others do not spin at all.
	tries := 0
	for range 2 * maxCredit {
		tries = 0
		l.spin(func() bool { tries++; return tries == 2 })
	}
	if l.credit != maxCredit {
		t.Errorf("a credit of %d after spins that have paid, want %d", l.credit, maxCredit)
	}
	for i := range maxCredit / price {
		if !isLong(false) {
			t.Errorf("no long spin after %d that have not paid", i)
		}
	}
	if l.credit != debt || isLong(false) {
		t.Errorf("a credit of %d after spins that have not paid, want %d", l.credit, debt)
	}
}

// TestShortSleepEarns has whoever sleeps for a moment spin for long the next time.
func TestShortSleepEarns(t *testing.T) {
	if !multiCPU() {
		t.Skip("this machine has one CPU: nobody spins")
	}
	var word uint32
	e := NewEvent(&word, &mortuary{})
	for _, await := range []func(context.Context, func() bool, func()) error{e.Await, e.AwaitEach} {
		e.luck = luck{}
		for e.luck.credit == 0 { // a sleep may take long
			e.luck.misses = 0
			await(t.Context(), func() bool { return e.luck.misses > 0 }, func() {})
		}
	}
}

// TestSpinPanics has a long spin end by a panic, as of memory whose file was cut off: later ones are
// long all the same.
func TestSpinPanics(t *testing.T) {
	if !multiCPU() {
		t.Skip("this machine has one CPU: nobody spins")
	}
	l, tries := luck{credit: 1}, 0
	func() {
		defer func() { _ = recover() }()
		l.spin(func() bool {
			if tries++; tries > 1 {
				panic("fault")
			}
			return false
		})
	}()
	if tries != 2 || spinsLong.Load() {
		t.Errorf("after %d tries, a long spin that has panicked goes on", tries)
	}
	spinsLong.Store(false)
}
