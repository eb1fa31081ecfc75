package arch

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// Each litmus test is a pair of threads that run over the same cells at the same
// time, and an outcome that the pair must never have. The names are those of the
// literature. On a machine with one processor they prove nothing.

var litmusTime = flag.Duration("arch.litmus", 100*time.Millisecond, "how long each litmus test runs")

// A cell is one run of a pair: shared words on lines of their own, and what
// each thread has loaded.
type cell struct {
	z  uint64
	_  [CacheLine - 8]byte
	x  uint32
	_  [CacheLine - 4]byte
	y  uint32
	_  [CacheLine - 4]byte
	r0 uint32
	_  [CacheLine - 4]byte
	r1 uint32
	_  [CacheLine - 4]byte
}

// litmusTests say which pairs of the product each outcome would break. The
// threads are exempt from the race detector: x may be a plain word.
var litmusTests = []struct {
	name      string
	p0, p1    func(c *cell)
	forbidden func(r0, r1 uint32) bool
}{
	{
		// A ring's slot: payload, then its sequence number.
		name: "message passing",
		p0:   func(c *cell) { plainStore(&c.x); StoreRelease32(&c.y, 1) },
		p1:   func(c *cell) { c.r0 = atomic.LoadUint32(&c.y); c.r1 = plainLoad(&c.x) },
		forbidden: func(flag, payload uint32) bool {
			return flag == 1 && payload == 0
		},
	},
	{
		// A large value: the copy is read, and then whether it was overwritten.
		name: "message passing, backwards",
		p0:   func(c *cell) { StoreRelease32(&c.y, 1); Fence(); plainStore(&c.x) },
		p1:   func(c *cell) { c.r0 = plainLoad(&c.x); LoadFence(); c.r1 = atomic.LoadUint32(&c.y) },
		forbidden: func(payload, sequence uint32) bool {
			return payload == 1 && sequence == 0
		},
	},
	{
		// A broadcast: how far messages may be overwritten is stored first.
		name: "message passing, backwards, stores only",
		p0:   func(c *cell) { StoreRelease64(&c.z, 1); StoreFence(); plainStore(&c.x) },
		p1:   func(c *cell) { c.r0 = plainLoad(&c.x); c.r1 = uint32(LoadAfter64(&c.z)) },
		forbidden: func(payload, sequence uint32) bool {
			return payload == 1 && sequence == 0
		},
	},
	{
		// A consumer frees a slot after it has read it; the producer writes it
		// after it has seen that.
		name: "load buffering",
		p0:   func(c *cell) { c.r0 = plainLoad(&c.x); StoreRelease32(&c.y, 1) },
		p1: func(c *cell) {
			if c.r1 = atomic.LoadUint32(&c.y); c.r1 == 1 {
				plainStore(&c.x)
			}
		},
		forbidden: func(payload, freed uint32) bool { return payload == 1 },
	},
	{
		// Publish, and look for sleepers; say that one sleeps, and look again.
		name:      "store buffering",
		p0:        func(c *cell) { StoreRelease32(&c.x, 1); Fence(); c.r0 = atomic.LoadUint32(&c.y) },
		p1:        func(c *cell) { StoreRelease32(&c.y, 1); Fence(); c.r1 = atomic.LoadUint32(&c.x) },
		forbidden: bothZero,
	},
	{
		// A read-modify-write publishes, and its process runs no other fence.
		name:      "store buffering, read-modify-write",
		p0:        func(c *cell) { atomic.AddUint32(&c.x, 1); c.r0 = atomic.LoadUint32(&c.y) },
		p1:        func(c *cell) { atomic.OrUint32(&c.y, 1); Fence(); c.r1 = atomic.LoadUint32(&c.x) },
		forbidden: bothZero,
	},
	{
		// The sleeper's second look is an attempt to take, by compare-and-swap.
		name: "store buffering, compare-and-swap",
		p0:   func(c *cell) { StoreRelease32(&c.x, 1); Fence(); c.r0 = atomic.LoadUint32(&c.y) },
		p1: func(c *cell) {
			atomic.OrUint32(&c.y, 1)
			Fence()
			if atomic.CompareAndSwapUint32(&c.x, 1, 2) {
				c.r1 = 1
			}
		},
		forbidden: bothZero,
	},
}

func bothZero(r0, r1 uint32) bool { return r0 == 0 && r1 == 0 }

//go:norace
func plainStore(addr *uint32) { *addr = 1 }

//go:norace
func plainLoad(addr *uint32) uint32 { return *addr }

func TestLitmus(t *testing.T) {
	for _, test := range litmusTests {
		t.Run(test.name, func(t *testing.T) {
			var (
				cells    = make([]cell, 1024)
				outcomes = map[string]int{}
				at       [2 * CacheLine]atomic.Uint32 // the step of each thread, lines apart
			)
			// step runs a thread's part of every cell. The threads meet before each,
			// unless one is not running, and go on with delays that shift against
			// each other.
			step := func(thread int, p func(*cell)) {
				mine, other := &at[0], &at[CacheLine]
				if thread == 1 {
					mine, other = other, mine
				}
				for i := range cells {
					mine.Store(uint32(i) + 1)
					for spins := 0; spins < 1000 && other.Load() <= uint32(i); spins++ {
					}
					Pause(1 + uint32(i)>>(3*thread)&7)
					p(&cells[i])
				}
			}
			rounds, done := make(chan struct{}), make(chan struct{})
			defer close(rounds)
			go func() {
				for range rounds {
					step(1, test.p1)
					done <- struct{}{}
				}
			}()
			for start := time.Now(); time.Since(start) < *litmusTime; {
				clear(cells)
				at[0].Store(0)
				at[CacheLine].Store(0)
				rounds <- struct{}{}
				step(0, test.p0)
				<-done
				for i := range cells {
					r0, r1 := cells[i].r0, cells[i].r1
					outcomes[fmt.Sprint(r0, r1)]++
					if test.forbidden(r0, r1) {
						t.Fatalf("loaded %d and %d; so far: %v", r0, r1, outcomes)
					}
				}
			}
			t.Log(outcomes)
		})
	}
}
