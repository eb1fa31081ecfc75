package wait

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Spinning pays for about as long as a sleep and a wake would take; whoever
// waits longer has lost no more than that.
const (
	eagerPolls = 512                   // without a pause, some 0.5 µs
	pollPause  = 200 * time.Nanosecond // before each later poll
	polls      = 4                     // between two turns of the other goroutines
	spinTime   = 10 * time.Microsecond // the whole of it
	maxLull    = time.Microsecond
	lullSteps  = 8 // things in a row that make a lull the longest
	maxMisses  = 8 // spins in a row that may fail before it is given up
	retry      = 8 // one wait in so many spins then, to see whether it pays again
)

// A wake from another processor takes 5 µs, or 50 on a virtual machine, whose processors
// stop when they are idle. A call and its answer take two or three, so it pays to spin as long as
// these where sleeps have been short, most of which was wakes. That is what credit is about: a short
// sleep, or a long spin that succeeds, earns some, and one that fails pays for several. Without
// credit, it takes many short sleeps to the next try.
const (
	longSpin   = 150 * time.Microsecond
	shortSleep = 300 * time.Microsecond
	maxCredit  = 32
	price      = 4
	debt       = -16

	company = 8 // with that many asleep in hubs, nobody earns, or spins for long: what comes for them waits meanwhile
)

// spinsLong says that somebody of the process is in a long spin: if many were, those with something
// to do would wait for turns of all of them.
var spinsLong atomic.Bool

var spinOff atomic.Bool

// SetSpin switches spinning on or off for the whole process. Off, every wait
// sleeps at once: what the benchmarks call park mode.
func SetSpin(on bool) { spinOff.Store(!on) }

// multiCPU is about the machine, not about this process: two processes pinned
// to one CPU each still run at the same time.
var multiCPU = sync.OnceValue(func() bool { return cpus() > 1 })

// Lull pauses for one who has done n things in a row and then found that there
// are no more, so that the next time there are at least as many.
func Lull(n uint64) {
	if n > 0 && !spinOff.Load() && multiCPU() {
		Pause(maxLull / lullSteps * time.Duration(min(n, lullSteps)))
	}
}

// Backoff pauses for one who has lost a race for a cache line, so that the winner
// has it for a while.
func Backoff() { Lull(lullSteps) }

// Eager returns how often who waits for a message looks for it before it pauses: an
// answer comes as fast as a cache line does.
func Eager() int {
	if spinOff.Load() || !multiCPU() {
		return 0
	}
	return eagerPolls
}

// luck says whether it has paid lately to spin on one Event, in one process.
type luck struct {
	misses int32 // waits in a row since a spin succeeded
	credit int32 // above 0, a spin may be long
}

// promising reports whether the next spin may pay.
func (l *luck) promising() bool {
	n := atomic.LoadInt32(&l.misses)
	return n < maxMisses || n%retry == 0
}

// spin calls try for a while, and reports whether it has succeeded. The other goroutines
// of this process have their turn first, and often: one of them may have been made ready
// by the caller, or may be the one that the caller waits for.
func (l *luck) spin(try func() bool) bool {
	if spinOff.Load() {
		return false
	}
	if yield(try) {
		return true
	}
	if !multiCPU() {
		return yield(try)
	}
	ok := false
	if atomic.LoadInt32(&l.credit) > 0 && beds.Load() < company && spinsLong.CompareAndSwap(false, true) {
		ok = l.spinLong(try)
	} else if l.promising() {
		ok = spinFor(try, spinTime)
	}
	if ok {
		atomic.StoreInt32(&l.misses, 0)
	} else {
		atomic.AddInt32(&l.misses, 1)
	}
	return ok
}

// spinLong spins as the one of the process that does so for long, until it ends, or panics.
func (l *luck) spinLong(try func() bool) (ok bool) {
	defer func() {
		spinsLong.Store(false)
		l.spunLong(ok)
	}()
	return spinFor(try, longSpin)
}

func (l *luck) spunLong(paid bool) {
	c := atomic.LoadInt32(&l.credit)
	if paid {
		c = min(c+1, maxCredit)
	} else if c -= price; c <= 0 {
		c = debt
	}
	atomic.StoreInt32(&l.credit, c)
}

// slept is told how long a sleep has taken.
func (l *luck) slept(d time.Duration) {
	if c := atomic.LoadInt32(&l.credit); c <= 0 && d < shortSleep && beds.Load() < company {
		atomic.StoreInt32(&l.credit, c+1)
	}
}

// spinFor calls try for so long, and lets the other goroutines run in between.
func spinFor(try func() bool, limit time.Duration) bool {
	for start := time.Now(); time.Since(start) < limit; runtime.Gosched() {
		for range polls {
			// A poll takes the cache line from whoever is writing it. A
			// pause lets the other side get ahead by more than one word.
			Pause(pollPause)
			if try() {
				return true
			}
		}
	}
	return false
}

// yield tries after a turn of the other goroutines.
func yield(try func() bool) bool {
	runtime.Gosched()
	return try()
}
