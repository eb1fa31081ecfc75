package wait

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/isthmus-go/isthmus/futex"
)

// TestPromise adds up after what time a death is found, at most: a census may be a bit older
// than the death, and the next one is taken after a sleep.
func TestPromise(t *testing.T) {
	if found := long() + censusAge(); found > 40*time.Millisecond {
		t.Errorf("a death may be found after %v only", found)
	}
}

// TestVigil has one who sleeps on a thread of its own look for the dead at the end of its
// first sleep, after deaths in each of the segments, and in its turn.
func TestVigil(t *testing.T) {
	var words [2]uint32
	fences := [3]*mortuary{{}, {}, {}}
	a, b := NewEvent(&words[0], fences[0]), NewEvent(&words[1], fences[1])
	n := nap{events: []*Event{&a, &b}, fences: []Fence{fences[1], fences[2]}}
	turn := 0
	expect := func(what string, times int, look bool) {
		t.Helper()
		for range times {
			inTurn := turn%lookGap == 0
			if turn++; n.vigil.due(&n) != (look || inTurn) {
				t.Errorf("%s, turn %d: expected a look: %v", what, turn, look || inTurn)
			}
		}
	}
	expect("nobody dies", 3*lookGap, false)
	for _, f := range fences {
		f.deaths.Add(1)
		expect("somebody has died", aftershock, true)
		expect("for a while nobody has died", 2*lookGap, false)
	}
	fences[0].deaths.Add(1)
	fences[2].deaths.Add(1)
	expect("two have died at once", aftershock, true)
	expect("for a while nobody has died", 2*lookGap, false)
	b.Keen()
	expect("keen", 2*lookGap, true)
}

// TestKeenRounds has keen beds, and so a round at each Slice.
func TestKeenRounds(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Hour)
	inHub(t)
	for _, keen := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		var word uint32
		e := NewEvent(&word, &mortuary{})
		pause := long()
		if keen {
			e.Keen()
			pause = Slice()
		}
		var wg sync.WaitGroup
		wg.Go(func() { _ = e.Await(ctx, func() bool { return false }, func() {}) })
		until(func() bool { return listed() == 1 })
		dorm.Lock()
		w := watcher
		dorm.Unlock()
		if got := w.round(); got != pause {
			t.Errorf("keen %v: the next round is after %v", keen, got)
		}
		cancel()
		wg.Wait()
	}
}

// TestRare has a single bed, and many rounds: it is told in its turn, which is not often.
func TestRare(t *testing.T) {
	h, w := &hub{}, &watch{stop: make(chan struct{})}
	b := &bed{hub: h, words: make([]futex.Word, 1), looked: true, out: make(chan struct{}, 1), look: make(chan struct{}, 1)}
	dorm.Lock()
	watcher, hubs = w, []*hub{h}
	h.came, h.taken = []*bed{b}, 1
	beds.Add(1)
	dorm.Unlock()
	h.turn(-1, false)
	h.news = false
	told := 0
	for range 3 * lookGap {
		w.round()
		select {
		case <-b.look:
			told++
		default:
		}
	}
	if told != 3 {
		t.Errorf("told %d times in %d rounds", told, 3*lookGap)
	}
	dorm.Lock()
	h.gone = []*bed{b}
	dorm.Unlock()
	h.turn(-1, false)
}

// TestArmsOnce has one sleep on and on, whose word nobody changes: it runs one fence. After a
// change it runs another.
func TestArmsOnce(t *testing.T) {
	asleepAtOnce(t)
	sleepsOf(t, time.Millisecond)
	h := &hooked{}
	e := NewEvent(&h.word, h)
	looks := 0
	if err := e.Await(context.Background(), func() bool { return looks == 4 }, func() {
		if looks++; looks == 2 {
			e.Notify(Everybody)
		}
	}); err != nil {
		t.Error(err)
	}
	if h.barriers != 2 {
		t.Errorf("%d fences", h.barriers)
	}
}
