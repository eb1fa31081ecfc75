package sim

import (
	"runtime"
	"sync"
	"time"
)

// What the copies call where goroutines of one process wait for each other.

// Lock locks a mutex. The scheduler knows who waits for it.
func Lock(m *sync.Mutex) {
	Until(func() bool {
		ok := m.TryLock()
		if ok {
			m.Unlock()
		}
		return ok
	})
	m.Lock()
}

// Until lets the others go on until ready reports true: what follows then does not block.
func Until(ready func() bool) {
	if world == nil {
		return
	}
	a := world.now
	if a.ended {
		panic(errStopped)
	}
	a.pass()
	for !ready() {
		a.ready = ready
		a.giveWay()
		a.ready = nil
	}
}

// Choose lets the others go on until one of the cases of a select is ready, and returns which one
// it is to be.
func Choose(ready ...func() bool) int {
	var all []int
	any := func() bool {
		all = all[:0]
		for i, r := range ready {
			if r() {
				all = append(all, i)
			}
		}
		return len(all) > 0
	}
	if world == nil {
		for !any() {
			runtime.Gosched()
		}
		return all[0]
	}
	Until(any)
	return all[world.rnd.IntN(len(all))]
}

// Ready reports whether a channel that nobody sends to is closed.
func Ready[T any](c <-chan T) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Room reports whether a channel takes one more.
func Room[T any](c chan<- T) bool { return len(c) < cap(c) }

// Now is a clock that goes on by ten microseconds with each step.
func Now() time.Time {
	if world == nil {
		return time.Now()
	}
	return start.Add(time.Duration(world.Steps) * 10 * time.Microsecond)
}

var start = time.Now()

// Since is that of package time, by this clock.
func Since(t time.Time) time.Duration { return Now().Sub(t) }

// Getpid has each run of the test take the slots of a segment in the same order.
func Getpid() int { return 0 }
