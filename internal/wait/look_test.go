package wait

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
)

// hubOf returns a hub that does not run yet, with a bed for each of the words, which are 0 as yet.
func hubOf(words []uint32) (*hub, []*bed) {
	h := &hub{taken: len(words)}
	dorm.Lock()
	defer dorm.Unlock()
	for i := range words {
		b := &bed{hub: h, words: []futex.Word{{Addr: &words[i]}}, looked: true, told: make(chan bool, 2)}
		h.came = append(h.came, b)
	}
	if beds.Add(int32(len(words))) == int32(len(words)) {
		startWatch()
	}
	return h, append([]*bed(nil), h.came...)
}

// TestLookTakesAll has the words of all beds change before the hub sleeps: it lets go of all of them
// at its next turn, and not of one at each. A goroutine beside it comes to run once for each turn.
func TestLookTakesAll(t *testing.T) {
	sleepsOf(t, time.Hour)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for range 20 {
		words := make([]uint32, hubWords)
		h, _ := hubOf(words)
		for i := range words {
			words[i] = 1
		}
		go h.run()
		turns := 0
		for beds.Load() > 0 {
			runtime.Gosched()
			turns++
		}
		if turns > hubWords/4 {
			t.Fatalf("%d turns for %d beds", turns, hubWords)
		}
	}
}

// TestLookTakesChanged has a hub be woken for one word, and find that another has changed. It lets
// go of these two, and of nobody else.
func TestLookTakesChanged(t *testing.T) {
	sleepsOf(t, time.Hour)
	for inKernel := false; !inKernel; inKernel = inKernel || !futex.NativeAny() {
		words := make([]uint32, 7)
		h, all := hubOf(words)
		go h.run()
		until(func() bool { dorm.Lock(); defer dorm.Unlock(); return len(h.beds) == len(words) })
		until(func() bool { return !futex.NativeAny() || futex.Wake(&h.bell, 1) == 1 }) // it goes to sleep at all
		time.Sleep(time.Millisecond)                                                    // it may sleep again by then, or not
		atomic.StoreUint32(&words[4], 1)
		atomic.StoreUint32(&words[2], 1)
		inKernel = futex.Wake(&words[2], 1) == 1
		<-all[2].told
		<-all[4].told
		dorm.Lock()
		for i, b := range all {
			if changed := i == 2 || i == 4; b.isOut != changed {
				t.Errorf("bed %d is out: %v", i, b.isOut)
			}
		}
		dorm.Unlock()
		for i, b := range all {
			if i != 2 && i != 4 {
				b.leave()
			}
		}
		until(func() bool { return beds.Load() == 0 })
	}
}

// TestHubsInTurn has two hubs, and no news: each is told in its turn, and not together with the other.
func TestHubsInTurn(t *testing.T) {
	const n, laps = 2, 4
	var words [n][1]uint32
	var all [n]*bed
	w := &watch{stop: make(chan struct{})}
	sleepsOf(t, time.Hour)
	for i := range words {
		h, of := hubOf(words[i][:])
		h.turn()
		h.news = false
		all[i] = of[0]
		dorm.Lock()
		hubs = append(hubs, h)
		dorm.Unlock()
	}
	dorm.Lock()
	stopWatch()
	watcher = w
	dorm.Unlock()
	var told [n]int
	for round := range laps * lookGap {
		w.round()
		together := 0
		for i, b := range all {
			if len(b.told) > 0 {
				<-b.told
				told[i]++
				together++
			}
		}
		if together > 1 {
			t.Errorf("round %d: %d hubs are told", round, together)
		}
	}
	if told != [n]int{laps, laps} {
		t.Errorf("in %d rounds they were told %v times", laps*lookGap, told)
	}
	for _, b := range all {
		dorm.Lock()
		b.hub.gone = append(b.hub.gone, b)
		dorm.Unlock()
		b.hub.turn()
	}
}

// TestKeenAreTold has a keen bed look at each round, and after two deaths at once those of both
// segments, too. When it has left, the rounds are as rare as before it came.
func TestKeenAreTold(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Hour)
	inHub(t)
	ctx, cancel := context.WithCancel(context.Background())
	keenCtx, keenLeaves := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var words [3]uint32
	var fences [3]mortuary
	var looked [3]atomic.Int32
	for i := range words {
		e, ctx := NewEvent(&words[i], &fences[i]), ctx
		if i == 0 {
			e.Keen()
			ctx = keenCtx
		}
		wg.Go(func() { _ = e.Await(ctx, func() bool { return false }, func() { looked[i].Add(1) }) })
	}
	until(func() bool { return listed() == len(words) })
	dorm.Lock()
	w := watcher
	dorm.Unlock()
	round := func(who ...int) {
		var before [len(words)]int32
		for i := range looked {
			before[i] = looked[i].Load()
		}
		w.round()
		for _, i := range who {
			until(func() bool { return looked[i].Load() > before[i] })
		}
	}
	for range aftershock + 1 { // after they came
		round(0)
	}
	for range 2 * lookGap {
		round(0)
	}
	for range 4 {
		fences[1].deaths.Add(1)
		fences[2].deaths.Add(1)
		for range aftershock {
			round(0, 1, 2)
		}
		round(0)
	}
	keenLeaves()
	until(func() bool { return listed() == len(words)-1 })
	if got := w.round(); got != long() {
		t.Errorf("nobody is keen any more, and the next round is after %v", got)
	}
	cancel()
	wg.Wait()
}

// TestComesAndLeaves has a bed be given up before the hub has read that it came.
func TestComesAndLeaves(t *testing.T) {
	sleepsOf(t, time.Hour)
	words := make([]uint32, 2)
	h, all := hubOf(words)
	left := make(chan struct{})
	go func() { all[1].leave(); close(left) }()
	until(func() bool { dorm.Lock(); defer dorm.Unlock(); return len(h.gone) == 1 })
	if !h.turn() || len(h.beds) != 1 || h.taken != 1 {
		t.Errorf("one is left, and there are %d words, %d taken", len(h.beds), h.taken)
	}
	<-left
	dorm.Lock()
	h.gone = append(h.gone, all[0])
	dorm.Unlock()
	if h.turn() {
		t.Error("the hub goes on without anybody")
	}
}
