package wait

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
)

// mortuary is a Fence whose segment has deaths.
type mortuary struct{ deaths, censuses atomic.Uint64 }

func (m *mortuary) Barrier() bool { return true }

func (m *mortuary) Census(time.Duration) uint64 {
	m.censuses.Add(1)
	return m.deaths.Load()
}

// until waits for a condition, without a limit but the test's.
func until(condition func() bool) {
	for !condition() {
		time.Sleep(50 * time.Microsecond)
	}
}

// noHubs waits for the end of all hubs, and of the watch, after the last bed.
func noHubs(t *testing.T, before int) {
	t.Helper()
	until(func() bool {
		dorm.Lock()
		defer dorm.Unlock()
		return len(hubs) == 0 && len(wards) == 0 && beds.Load() == 0
	})
	until(func() bool { return runtime.NumGoroutine() <= before })
	if n := threads.Load(); n != 0 {
		t.Errorf("%d threads are taken by nobody", n)
	}
}

// TestHubWidth takes places in hubs for ten thousand words: as long as there are few hubs, all but the
// first take few words.
func TestHubWidth(t *testing.T) {
	var in []*hub
	taken := 0
	take := func(words int) {
		b := &bed{words: make([]futex.Word, words)}
		i := b.place(in)
		if i < 0 {
			i, in = len(in), append(in, &hub{})
		}
		in[i].taken += words
		taken += words
	}
	most := func() (n int) {
		for _, h := range in[1:] {
			n = max(n, h.taken)
		}
		return n
	}
	for taken < 1000 {
		take(1)
	}
	if want := 1 + (1000-hubWords+narrowWords-1)/narrowWords; len(in) != want || in[0].taken != hubWords || most() > narrowWords {
		t.Errorf("1000 words: %d hubs, not %d, of up to %d words, the first of %d", len(in), want, most(), in[0].taken)
	}
	for taken < 10000 {
		take(1)
	}
	if want := (10000 + hubWords - 1) / hubWords; len(in) != want || most() > hubWords {
		t.Errorf("10000 words: %d hubs, not %d, of up to %d words", len(in), want, most())
	}
	in, taken = nil, 0
	for range 3 {
		take(narrowWords + 1) // has a hub of its own where it does not fit
	}
	if take(hubWords - taken); len(in) != 1 {
		t.Errorf("%d words: %d hubs", taken, len(in))
	}
	if take(narrowWords + 1); len(in) != 2 || in[1].taken != narrowWords+1 {
		t.Errorf("%d words: %d hubs", taken, len(in))
	}
}

// TestHubMany has ten thousand sleepers, each on a word of its own, and wakes some, then
// half of them, and ends the contexts of the others.
func TestHubMany(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Minute)
	const n = 10000
	before := runtime.NumGoroutine()
	var words [n]struct {
		word uint32
		done atomic.Bool
		_    [14]uint32
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var left atomic.Int32
	left.Store(n)
	fence := &mortuary{}
	for i := range words {
		w := &words[i]
		e := NewEvent(&w.word, fence)
		go func() {
			defer left.Add(-1)
			if err := e.Await(ctx, w.done.Load, func() {}); (err == nil) != w.done.Load() {
				t.Errorf("sleeper %d: %v", i, err)
			}
		}()
	}
	until(func() bool { return beds.Load()+threads.Load() == n })
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		_, rest, _ := strings.Cut(string(status), "Threads:")
		t.Log("threads:", strings.Fields(rest)[0])
	}
	dorm.Lock()
	if len(hubs) > (n+hubWords-1)/hubWords {
		t.Errorf("%d hubs", len(hubs))
	}
	dorm.Unlock()
	wake := func(i int) {
		words[i].done.Store(true)
		notify(&words[i].word, 1, nil)
	}
	for k := range 100 {
		wake(2 * (k * 97 % (n / 2)))
		until(func() bool { return left.Load() == int32(n-k-1) })
	}
	for i := range n / 2 {
		wake(2 * i)
	}
	until(func() bool { return left.Load() == n/2 })
	for few := n/2/hubWords + 2; ; { // those that are left come together
		dorm.Lock()
		w, all := watcher, len(hubs)
		dorm.Unlock()
		if all <= few {
			break
		}
		w.round()
		until(func() bool { return listed() == n/2-int(threads.Load()) })
	}
	cancel()
	until(func() bool { return left.Load() == 0 })
	noHubs(t, before)
}

// TestHubWakesOne has goroutines wait for permits of several kinds, for one or for any,
// often for a moment only. Each permit comes with a wake of one: if that is lost, or used by
// nobody, the permits run out.
func TestHubWakesOne(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Minute)
	const kinds, waiters = 3, 6
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	before := runtime.NumGoroutine()
	var permits [kinds]struct {
		word uint32
		n    atomic.Int64
	}
	var taken, ended atomic.Int64
	fence := &mortuary{}
	take := func(kind int) bool {
		for n := permits[kind].n.Load(); n > 0; n = permits[kind].n.Load() {
			if permits[kind].n.CompareAndSwap(n, n-1) {
				taken.Add(1)
				return true
			}
		}
		return ended.Load() != 0
	}
	var wg sync.WaitGroup
	for w := range kinds * waiters {
		events := make([]Event, kinds) // of a process of its own
		cases := make([]Case, kinds)
		for k := range events {
			events[k] = NewEvent(&permits[k].word, fence)
			cases[k] = NewCase(&events[k], func() bool { return take(k) }, func() {}, nil)
		}
		random := rand.New(rand.NewPCG(seed, uint64(w)))
		wg.Go(func() {
			for ended.Load() == 0 {
				ctx, cancel := context.Background(), func() {}
				if w%3 == 2 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(random.IntN(100))*time.Microsecond)
				}
				switch k := w % kinds; {
				case w%2 == 0:
					_, _ = Any(ctx, cases)
				default:
					_ = events[k].Await(ctx, func() bool { return take(k) }, func() {})
				}
				cancel()
			}
		})
	}
	random := rand.New(rand.NewPCG(seed, kinds*waiters))
	for given := int64(0); given < 5000; {
		burst := 1 + random.Int64N(3)
		for range burst {
			k := random.IntN(kinds)
			permits[k].n.Add(1)
			notify(&permits[k].word, 1, nil)
		}
		given += burst
		if random.IntN(4) == 0 {
			until(func() bool { return taken.Load() == given })
		}
	}
	until(func() bool { return taken.Load() >= 5000 })
	ended.Store(1)
	for k := range permits {
		notify(&permits[k].word, Everybody, nil)
	}
	wg.Wait()
	noHubs(t, before)
}

// TestHubWatch has the watch go round: sleepers look for the dead soon after they have come,
// after each death in their segment, and in turn.
func TestHubWatch(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Hour)
	const n = 500
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	fences := [2]mortuary{}
	var words [n + 1]uint32
	var looked [n + 1]atomic.Int32
	var wg sync.WaitGroup
	sleeper := func(i int) {
		e := NewEvent(&words[i], &fences[i%2])
		wg.Go(func() { _ = e.Await(ctx, func() bool { return false }, func() { looked[i].Add(1) }) })
	}
	sleeper(n) // on its own thread
	until(func() bool { return threads.Load() == 1 })
	for i := range n {
		sleeper(i)
	}
	until(func() bool { return listed() == n })
	// rounds has the watch go round, and waits until the sleepers from first on, every step-th,
	// have looked once for each time that they are to be told.
	rounds := func(what string, times, told, first, step int) {
		t.Helper()
		seen := make([]int32, n)
		for i := range seen {
			seen[i] = looked[i].Load()
		}
		for k := range times {
			pause := long()
			if what == "after a death" {
				pause = Slice()
			}
			if got := watcher.round(); got != pause {
				t.Errorf("%s: the next round is after %v, expected %v", what, got, pause)
			}
			if told == times {
				until(func() bool { return allAtLeast(&looked, seen, int32(k+1), first, step) })
			}
		}
		until(func() bool { return allAtLeast(&looked, seen, int32(told), first, step) })
		for i := first; i < n; i += step {
			if got := looked[i].Load() - seen[i]; got != int32(told) {
				t.Fatalf("%s: sleeper %d has looked %d times in %d rounds, expected %d", what, i, got, times, told)
			}
		}
	}
	inTurn := n/looks + 1
	rounds("who has come", 1, 1, 0, 1)
	rounds("in turn", inTurn, 1, 0, 1)
	rounds("in turn", inTurn, 1, 0, 1)
	fences[1].deaths.Add(1)
	beds.Add(1e6) // so that it is nobody's turn meanwhile: the others' looks would be counted below
	rounds("after a death", aftershock, aftershock, 1, 2)
	beds.Add(-1e6)
	rounds("in turn", inTurn, 1, 0, 1)
	cancel()
	wg.Wait()
	noHubs(t, before)
}

func allAtLeast(looked *[501]atomic.Int32, seen []int32, told int32, first, step int) bool {
	for i := first; i < len(seen); i += step {
		if looked[i].Load()-seen[i] < told {
			return false
		}
	}
	return true
}

// listed returns how many words the hubs have in their lists.
func listed() (n int) {
	dorm.Lock()
	defer dorm.Unlock()
	for _, h := range hubs {
		n += len(h.beds)
	}
	return n
}
